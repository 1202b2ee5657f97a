import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { layerClosed } from '../../src/channels/errors.ts'
import { Membership } from '../../src/channels/membership.ts'
import { DAY, HOUR, NotingLayer, notingLogger, type Warning } from './noting-layer.ts'

let layer: NotingLayer
let warnings: Warning[]
let membership: Membership

beforeEach(() => {
  vi.useFakeTimers()
  layer = new NotingLayer()
  warnings = []
  membership = new Membership(layer, notingLogger(warnings))
})

afterEach(async () => {
  await membership.close()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

describe('a renewal that fails', () => {
  it('is logged once a turn and tried again at the next', async () => {
    await membership.hold('g', 'a')
    await membership.hold('g', 'b')
    const failure = new Error('away')
    layer.before = (pair) => (pair === 'g/a' ? Promise.reject(failure) : undefined)
    await vi.advanceTimersByTimeAsync(DAY / 4 + 2 * 84_375)
    expect(warnings.length).toBeGreaterThan(0)
    expect(warnings[0]).toEqual({
      fields: { err: failure, failed: 1, held: 2 },
      message: 'group memberships not renewed; trying again in the next turn',
    })
    layer.before = () => {}
    warnings.length = 0
    const tries = layer.added.get('g/a')?.length
    await vi.advanceTimersByTimeAsync(84_375)
    expect(layer.added.get('g/a')).toHaveLength((tries as number) + 1)
    expect(warnings).toEqual([])
  })

  it('does not keep the others from being renewed', async () => {
    for (let n = 0; n < 100; n++) await membership.hold('bad', `channel-${n}`)
    for (let n = 0; n < 100; n++) await membership.hold('good', `channel-${n}`)
    layer.before = (pair) => (pair.startsWith('bad') ? Promise.reject(new Error('away')) : undefined)
    await vi.advanceTimersByTimeAsync(2 * DAY)
    for (let n = 0; n < 100; n++) {
      const times = layer.added.get(`good/channel-${n}`) as number[]
      for (let i = 1; i < times.length; i++)
        expect((times[i] as number) - (times[i - 1] as number)).toBeLessThan(DAY)
      expect(performance.now() - (times.at(-1) as number)).toBeLessThan(DAY)
    }
  })

  it('does not ask a layer that is away for each of many', async () => {
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => membership.hold('group', `channel-${n}`)))
    layer.calls.length = 0
    layer.before = () => Promise.reject(new Error('away'))
    await vi.advanceTimersByTimeAsync(DAY * 0.6)
    const turns = warnings.length
    expect(turns).toBeGreaterThan(100)
    expect(layer.calls.length).toBeLessThanOrEqual(turns * 32)
    expect(membership.size).toBe(10_000)

    // It comes back before groups forget, and everybody is still there.
    layer.before = () => {}
    await vi.advanceTimersByTimeAsync(DAY * 0.3)
    for (const times of layer.added.values()) {
      if (performance.now() - (times.at(-1) as number) > DAY * 0.3)
        expect.fail('each is renewed when the layer is back')
    }
  })

  it('never has two turns at once', async () => {
    for (let n = 0; n < 1000; n++) await membership.hold('group', `channel-${n}`)
    let running = 0
    let most = 0
    const slow = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, HOUR))
      running--
    }
    layer.before = slow
    await vi.advanceTimersByTimeAsync(DAY / 2)
    layer.before = async () => {}
    await membership.hold('group', 'late')
    layer.before = slow
    await vi.advanceTimersByTimeAsync(DAY / 2)
    expect(most).toBe(16)
    layer.before = () => {}
    const closing = membership.close()
    await vi.advanceTimersByTimeAsync(HOUR)
    await closing
  })

  it('ends the renewals when the layer is closed', async () => {
    await membership.hold('group', 'channel')
    layer.before = () => Promise.reject(layerClosed())
    await vi.advanceTimersByTimeAsync(DAY)
    expect(layer.calls).toHaveLength(2)
    expect(warnings).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
