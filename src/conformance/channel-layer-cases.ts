/**
 * The cases every channel layer must pass, for any test runner:
 *
 *     const harness = { make: (options) => memoryChannels(options), cannot: { peers: 'it is one process' } }
 *     for (const layerCase of channelLayerCases) {
 *       const reason = reasonToSkipLayerCase(layerCase, harness)
 *       test(layerCase.name, { skip: reason }, () => layerCase.run(harness))
 *     }
 *
 * They check the rules of docs/channel-layer.md, and each names the rules that it checks.
 */
import { burstCases } from './channel-layer/bursts.ts'
import { capacityCases } from './channel-layer/capacity.ts'
import { deliveryCases } from './channel-layer/delivery.ts'
import { messageExpiryCases } from './channel-layer/expiry.ts'
import { groupCases } from './channel-layer/groups.ts'
import type { ChannelLayerCase } from './channel-layer/harness.ts'
import { layerLifetimeCases } from './channel-layer/lifetime.ts'
import { messageCases } from './channel-layer/messages.ts'
import { nameCases } from './channel-layer/names.ts'

export {
  type ChannelLayerAbility,
  type ChannelLayerCase,
  type ChannelLayerHarness,
  reasonToSkipLayerCase,
} from './channel-layer/harness.ts'

export const channelLayerCases: readonly ChannelLayerCase[] = [
  ...nameCases,
  ...messageCases,
  ...deliveryCases,
  ...capacityCases,
  ...burstCases,
  ...messageExpiryCases,
  ...groupCases,
  ...layerLifetimeCases,
]
