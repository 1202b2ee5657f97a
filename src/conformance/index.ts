/** The public entry of `millrace/conformance`: the cases that every stream store and every channel layer must pass. */
export {
  type ChannelLayerAbility,
  type ChannelLayerCase,
  type ChannelLayerHarness,
  channelLayerCases,
  reasonToSkipLayerCase,
} from './channel-layer-cases.ts'
export {
  type StreamStoreAbility,
  type StreamStoreCase,
  type StreamStoreHarness,
  reasonToSkipStoreCase,
  streamStoreCases,
} from './stream-store-cases.ts'
