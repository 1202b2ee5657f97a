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
  reasonToSkip as reasonToSkipLayerCase,
} from './channel-layer-cases.ts'
export {
  type StreamStoreAbility,
  type StreamStoreCase,
  type StreamStoreHarness,
  reasonToSkip as reasonToSkipStoreCase,
  streamStoreCases,
} from './stream-store-cases.ts'
