/** The public entry of `millrace/testing`. */
export {
  type ConnectResult,
  WebSocketCommunicator,
  type WebSocketCommunicatorOptions,
} from './websocket-communicator.ts'
export {
  type ChannelLayerAbility,
  type ChannelLayerCase,
  type ChannelLayerHarness,
  channelLayerCases,
  reasonToSkip,
} from './channel-layer-cases.ts'
