/** The memory layer, put to the suite's test on a clock that moves when it is told. */
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import type { ChannelLayerHarness } from '../../src/conformance/channel-layer-cases.ts'

export function memoryHarness(): ChannelLayerHarness {
  let now = 0
  return {
    make: (options) => memoryChannels({ ...options, clock: () => now }),
    advance(seconds) {
      now += seconds * 1000
    },
    cannot: { peers: 'the memory layer lives in one process' },
  }
}
