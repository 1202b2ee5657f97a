import { describe, expect, it } from 'vitest'
import type { ChannelLayer } from '../../src/channels/layer.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import {
  type ChannelLayerCase,
  channelLayerCases,
  type ChannelLayerHarness,
  reasonToSkipLayerCase,
} from '../../src/conformance/channel-layer-cases.ts'
import { BROKEN, BROKEN_BETWEEN_PROCESSES, breaking } from './broken-layers.ts'
import { twoProcesses } from './two-processes.ts'

describe('the suite', () => {
  it('has a name of its own for each case, and a rule for each', () => {
    expect(new Set(channelLayerCases.map((layerCase) => layerCase.name)).size).toBe(channelLayerCases.length)
    for (const layerCase of channelLayerCases) {
      expect(layerCase.rules, layerCase.name).not.toEqual([])
      for (const rule of layerCase.rules) expect(rule).toMatch(/^CL-\d+$/)
    }
  })

  it('lets a layer skip what it cannot do, with the reason', () => {
    const shared = channelLayerCases.find((layerCase) =>
      layerCase.needs.includes('peers'),
    ) as ChannelLayerCase
    const plain = channelLayerCases.find((layerCase) => layerCase.needs.length === 0) as ChannelLayerCase
    const alone: ChannelLayerHarness = { make: () => memoryChannels(), cannot: { peers: 'it is alone' } }
    expect(reasonToSkipLayerCase(shared, alone)).toBe('it is alone')
    expect(reasonToSkipLayerCase(plain, alone)).toBeUndefined()
    expect(reasonToSkipLayerCase(shared, { make: alone.make })).toBeUndefined()
  })

  it('fails a layer that neither has peers nor says why', async () => {
    const shared = channelLayerCases.find((layerCase) =>
      layerCase.needs.includes('peers'),
    ) as ChannelLayerCase
    await expect(shared.run({ make: () => memoryChannels() })).rejects.toThrow('neither `peer` nor a reason')
  })

  it('closes every layer it was given, also when the case fails', async () => {
    const made: ChannelLayer[] = []
    const make = (): ChannelLayer => {
      const layer = breaking(memoryChannels(), { send: () => Promise.reject(new Error('broken')) })
      made.push(layer)
      return layer
    }
    for (const layerCase of casesOf('CL-11')) {
      await expect(layerCase.run({ make })).rejects.toThrow('broken')
    }
    expect(made.length).toBeGreaterThan(0)
    for (const layer of made) expect(() => layer.newChannel()).toThrow('The channel layer is closed')
  })
})

describe('the cases for peers', () => {
  const withPeers = channelLayerCases.filter((layerCase) => layerCase.needs.includes('peers'))
  it.each(withPeers)('$name', (layerCase) => layerCase.run(twoProcesses()))

  it.each(withPeers)('a whole layer passes: $name', (layerCase) =>
    layerCase.run(changedProcesses((layer) => breaking(layer, {}))),
  )

  it.concurrent.each(BROKEN_BETWEEN_PROCESSES)('%s: notice a layer that %s', async (rule, _what, fault) => {
    const harness: ChannelLayerHarness = {
      ...changedProcesses((layer) => breaking(layer, fault(layer))),
      patience: PATIENCE,
    }
    const cases = withPeers.filter((layerCase) => layerCase.rules.includes(rule))
    const outcomes = await Promise.allSettled(cases.map((layerCase) => layerCase.run(harness)))
    expect(outcomes.map((outcome) => outcome.status)).toContain('rejected')
  })
})

describe('the cases on real time', () => {
  // As a layer on a server runs them: nothing moves its clock.
  it.concurrent.each(casesOf('CL-20', 'CL-22', 'CL-23', 'CL-24'))('$name', (layerCase) =>
    layerCase.run({ make: (options) => memoryChannels(options) }),
  )
})

/** What a broken layer does not deliver is waited for in vain, so not for long. */
const PATIENCE = 0.3

it.each(casesOf(...BROKEN.map(([rule]) => rule)))('a whole layer passes: $name', async (layerCase) => {
  // What the broken ones below are measured against: the same harness, with nothing broken.
  const { make, advance } = movable((layer) => breaking(layer, {}))
  await layerCase.run({ make, advance })
})

describe.concurrent('a broken layer is noticed', () => {
  it.each(BROKEN)('%s: it %s', async (rule, _what, fault) => {
    const outcomes = await Promise.all(
      casesOf(rule).map(async (layerCase) => {
        const harness = movable((layer) => breaking(layer, fault(layer)))
        return await layerCase.run(harness).then(
          () => 'passed',
          (error: unknown) => error,
        )
      }),
    )
    expect(outcomes.filter((outcome) => outcome !== 'passed')).not.toEqual([])
  })

  it.each(['CL-20', 'CL-22', 'CL-23'])('%s: it never forgets', async (rule) => {
    const harness: ChannelLayerHarness = {
      make: (options) => memoryChannels({ ...options, clock: () => 0 }),
      advance() {},
      patience: PATIENCE,
    }
    const outcomes = await Promise.allSettled(casesOf(rule).map((layerCase) => layerCase.run(harness)))
    expect(outcomes.map((outcome) => outcome.status)).toContain('rejected')
  })

  it('CL-19: it knows no patterns', async () => {
    const harness = movable((layer) => layer, { channelCapacity: {} })
    for (const layerCase of casesOf('CL-19')) await expect(layerCase.run(harness)).rejects.toThrow('work.a')
  })

  it('CL-24: it does not renew', async () => {
    const harness = movable((layer) => {
      const added = new Set<string>()
      const groupAdd = async (group: string, channel: string): Promise<void> => {
        if (!added.has(channel)) await layer.groupAdd(group, channel)
        added.add(channel)
      }
      return breaking(layer, { groupAdd })
    })
    for (const layerCase of casesOf('CL-24')) {
      await expect(layerCase.run(harness)).rejects.toThrow('did not come')
    }
  })
})

function casesOf(...rules: readonly string[]): ChannelLayerCase[] {
  return channelLayerCases.filter(
    (layerCase) => !layerCase.needs.includes('peers') && layerCase.rules.some((rule) => rules.includes(rule)),
  )
}

function changedProcesses(change: (layer: ChannelLayer) => ChannelLayer): ChannelLayerHarness {
  const whole = twoProcesses() as Required<Pick<ChannelLayerHarness, 'make' | 'peer'>>
  const origins = new WeakMap<ChannelLayer, ChannelLayer>()
  const changed = (layer: ChannelLayer): ChannelLayer => {
    const made = change(layer)
    origins.set(made, layer)
    return made
  }
  return {
    make: async (options) => changed(await whole.make(options)),
    peer: async (of) => changed(await whole.peer(origins.get(of) as ChannelLayer)),
  }
}

function movable(
  change: (layer: ChannelLayer) => ChannelLayer,
  forced: object = {},
): Required<Pick<ChannelLayerHarness, 'make' | 'advance' | 'patience'>> {
  let now = 0
  return {
    make: (options) => change(memoryChannels({ ...options, ...forced, clock: () => now })),
    advance(seconds) {
      now += seconds * 1000
    },
    patience: PATIENCE,
  }
}
