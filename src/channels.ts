/** The public entry of `millrace/channels`: the contract of a channel layer, for who writes one and who calls one. */
export type { ChannelCapacities } from './channels/capacity.ts'
export { ChannelError, type ChannelErrorCode } from './channels/errors.ts'
export type { ChannelLayer, ChannelMessage, ChannelValue, GroupSendResult } from './channels/layer.ts'
export type { ChannelLayerUsage, MemoryChannelLayer, MemoryChannelsOptions } from './channels/memory/layer.ts'
export type { OpenLayerOptions } from './channels/open-layer.ts'
export type { ChannelLayerOptions } from './channels/options.ts'
