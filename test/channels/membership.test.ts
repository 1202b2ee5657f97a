import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Membership } from '../../src/channels/membership.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { DAY, DAY_SECONDS, HOUR, NotingLayer, notingLogger, type Warning } from './noting-layer.ts'

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

describe('a membership that is held', () => {
  it('is added at once and renewed when between a quarter and a half of its time is over', async () => {
    await membership.hold('group', 'channel')
    expect(layer.added.get('group/channel')).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(10 * DAY)
    const times = layer.added.get('group/channel') as number[]
    for (const [i, time] of times.slice(1).entries()) {
      const age = time - (times[i] as number)
      expect(age).toBeGreaterThanOrEqual(DAY / 4)
      expect(age).toBeLessThanOrEqual(DAY / 2)
    }
    expect(times.length).toBeGreaterThan(20)
    expect(warnings).toEqual([])
  })

  it('keeps its channel in a real group', async () => {
    const channels = memoryChannels({ groupExpiry: 60 })
    const renewal = new Membership(channels)
    const channel = channels.newChannel()
    await renewal.hold('group', channel)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(await channels.groupSend('group', { type: 'test' })).toEqual({ sent: 1, dropped: 0 })
    await renewal.close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await channels.groupSend('group', { type: 'test' })).toEqual({ sent: 0, dropped: 0 })
    await channels.close()
  })

  it.each([0.5, 60, 40_000_000])('is renewed in time when groups forget after %d s', async (groupExpiry) => {
    const other = new NotingLayer(groupExpiry)
    const renewal = new Membership(other)
    await renewal.hold('group', 'channel')
    await vi.advanceTimersByTimeAsync(groupExpiry * 1000 * 1.2)
    const times = other.added.get('group/channel') as number[]
    expect(times.length).toBeGreaterThanOrEqual(3)
    expect(times.length).toBeLessThanOrEqual(5)
    await renewal.close()
  })

  it('is not held when adding it failed', async () => {
    layer.before = () => Promise.reject(new Error('away'))
    await expect(membership.hold('group', 'channel')).rejects.toThrow('away')
    expect(membership.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('stays held when adding it again failed', async () => {
    await membership.hold('group', 'channel')
    layer.before = () => Promise.reject(new Error('away'))
    await expect(membership.hold('group', 'channel')).rejects.toThrow('away')
    expect(membership.size).toBe(1)
  })
})

describe('many memberships', () => {
  it('that began in one moment are renewed in small shares, with one timer', async () => {
    const count = 100_000
    await Promise.all(
      Array.from({ length: count }, (_, n) => membership.hold(`group-${n % 100}`, `channel-${n}`)),
    )
    expect(membership.size).toBe(count)
    expect(vi.getTimerCount()).toBe(1)
    layer.calls.length = 0
    let most = 0
    for (let minute = 0; minute < 24 * 60; minute++) {
      const before = layer.calls.length
      await vi.advanceTimersByTimeAsync(60_000)
      most = Math.max(most, layer.calls.length - before)
    }
    // 256 turns in six hours: one in 84 s, so at most one a minute.
    expect(most).toBeLessThanOrEqual(Math.ceil(count / 256))
    for (const times of layer.added.values()) {
      if (times.length < 3) expect.fail('each is renewed twice a day or more')
      for (let i = 1; i < times.length; i++) {
        if ((times[i] as number) - (times[i - 1] as number) > DAY / 2)
          expect.fail('each is renewed before half its time is over')
      }
    }
  }, 60_000)

  it('are renewed in time while half of them end', async () => {
    for (let n = 0; n < 1000; n++) await membership.hold('group', `channel-${n}`)
    for (let hour = 0; hour < 48; hour++) {
      for (let n = hour; n < 1000; n += 96) await membership.dropAll(`channel-${n}`)
      await vi.advanceTimersByTimeAsync(HOUR)
    }
    for (const times of layer.added.values()) {
      for (let i = 1; i < times.length; i++) {
        expect((times[i] as number) - (times[i - 1] as number)).toBeLessThan(DAY * 0.51)
      }
    }
    expect(warnings).toEqual([])
  })
})

it('has one timer, which keeps no process alive and never waits longer than a timer can', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const eternal = new Membership(new NotingLayer(Number.MAX_SAFE_INTEGER))
  await eternal.hold('group', 'channel')
  await membership.hold('group', 'channel')
  expect(timers.mock.calls.map(([, delay]) => delay)).toEqual([2 ** 31 - 1, 84_375])
  expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false, false])
  await eternal.close()
  timers.mockRestore()
})

describe('a membership that is dropped', () => {
  it('is discarded and not renewed', async () => {
    await membership.hold('group', 'channel')
    await membership.drop('group', 'channel')
    await vi.advanceTimersByTimeAsync(2 * DAY)
    expect(layer.calls).toEqual(['add group/channel', 'discard group/channel'])
    expect(membership.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is discarded also when it was never held', async () => {
    await membership.drop('group', 'channel')
    expect(layer.calls).toEqual(['discard group/channel'])
  })

  it('leaves with all others of its channel, and none of another', async () => {
    await membership.hold('g', 'a')
    await membership.hold('h', 'a')
    await membership.hold('g', 'b')
    layer.calls.length = 0
    await membership.dropAll('a')
    expect(layer.calls).toEqual(['discard g/a', 'discard h/a'])
    expect(membership.size).toBe(1)
    await membership.dropAll('nobody')
    expect(layer.calls).toHaveLength(2)
  })

  it('ends for all groups, though one fails', async () => {
    await membership.hold('g', 'a')
    await membership.hold('h', 'a')
    const failure = new Error('away')
    layer.before = (pair) => (pair === 'g/a' ? Promise.reject(failure) : undefined)
    const error = await membership.dropAll('a').catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      errors: [failure],
      message: 'A channel could not leave 1 of its 2 groups',
    })
    expect(membership.size).toBe(0)
  })

  it('is discarded after the renewal that is under way, and stays away', async () => {
    await membership.hold('group', 'channel')
    const renewal = Promise.withResolvers<void>()
    layer.before = () => renewal.promise
    await vi.advanceTimersByTimeAsync(DAY / 2)
    expect(layer.calls).toEqual(['add group/channel', 'add group/channel'])
    const dropping = membership.drop('group', 'channel')
    await vi.advanceTimersByTimeAsync(0)
    expect(layer.calls).toHaveLength(2)
    renewal.resolve()
    await dropping
    expect(layer.calls).toEqual(['add group/channel', 'add group/channel', 'discard group/channel'])
    expect(membership.size).toBe(0)
  })

  it('is not renewed by a turn that has yet to come to it', async () => {
    for (let n = 0; n < 20; n++) await membership.hold('group', `channel-${n}`)
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    // The first turn takes so long that all are overdue at the second, which begins 16 at once.
    layer.before = () => gates[0]?.promise
    await vi.advanceTimersByTimeAsync(DAY / 2)
    layer.before = () => gates[1]?.promise
    layer.calls.length = 0
    gates[0]?.resolve()
    await vi.advanceTimersByTimeAsync(84_375)
    expect(layer.calls).toHaveLength(16)
    layer.before = () => {}
    await membership.dropAll('channel-19')
    gates[1]?.resolve()
    await vi.advanceTimersByTimeAsync(DAY)
    expect(layer.calls.filter((call) => call.endsWith('/channel-19'))).toEqual(['discard group/channel-19'])
    expect(layer.calls.filter((call) => call.endsWith('/channel-18')).length).toBeGreaterThan(1)
  })

  it('is as the last call wants it, when calls are made at once', async () => {
    const first = [membership.hold('g', 'a'), membership.drop('g', 'a'), membership.hold('g', 'a')]
    const second = [membership.hold('g', 'b'), membership.drop('g', 'b')]
    await Promise.all([...first, ...second])
    expect(layer.calls.filter((call) => call.endsWith('a'))).toEqual(['add g/a', 'discard g/a', 'add g/a'])
    expect(layer.calls.filter((call) => call.endsWith('b'))).toEqual(['add g/b', 'discard g/b'])
    expect(membership.size).toBe(1)
  })

  it('takes a channel that is just being added', async () => {
    const holding = membership.hold('group', 'channel')
    await membership.dropAll('channel')
    await holding
    expect(layer.calls).toEqual(['add group/channel', 'discard group/channel'])
    expect(membership.size).toBe(0)
  })
})

it('calls of many kinds at once leave the layer as the last of each pair wants it, and nothing behind', async () => {
  const call = fc.record({
    kind: fc.constantFrom('hold', 'drop', 'dropAll'),
    group: fc.constantFrom('g', 'h'),
    channel: fc.constantFrom('a', 'b'),
    slow: fc.nat(3),
    fails: fc.boolean(),
    wait: fc.nat(4),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (calls) => {
      const members = new Set<string>()
      let next = { slow: 0, fails: false }
      const act = async (change: () => void): Promise<void> => {
        const { slow, fails } = next
        for (let turn = 0; turn < slow; turn++) await Promise.resolve()
        if (fails) throw new Error('away')
        change()
      }
      const renewal = new Membership({
        groupExpiry: DAY_SECONDS,
        groupAdd: (group, channel) => act(() => members.add(`${group}/${channel}`)),
        groupRenew: async (group, channel) => members.has(`${group}/${channel}`),
        groupDiscard: (group, channel) => act(() => members.delete(`${group}/${channel}`)),
      })
      const outcomes: Promise<unknown>[] = []
      for (const { kind, group, channel, slow, fails, wait } of calls) {
        next = { slow, fails }
        if (kind === 'hold') outcomes.push(renewal.hold(group, channel))
        else outcomes.push(kind === 'drop' ? renewal.drop(group, channel) : renewal.dropAll(channel))
        for (let turn = 0; turn < wait; turn++) await Promise.resolve()
      }
      await Promise.allSettled(outcomes)
      next = { slow: 0, fails: false }
      const wanted = new Set<string>()
      for (const group of ['g', 'h']) {
        for (const channel of ['a', 'b']) {
          if (calls.length % 2)
            await renewal.hold(group, channel).then(() => wanted.add(`${group}/${channel}`))
          else await renewal.drop(group, channel)
        }
      }
      expect([...members].toSorted()).toEqual([...wanted].toSorted())
      expect(renewal.size).toBe(wanted.size)
      expect(renewal.channels).toBe(wanted.size / 2)
      await Promise.all(['a', 'b'].map((channel) => renewal.dropAll(channel)))
      expect([members.size, renewal.size, renewal.channels]).toEqual([0, 0, 0])
      await renewal.close()
    }),
    { numRuns: 500 },
  )
})

describe('close', () => {
  it('renews nothing more and waits for what is under way', async () => {
    await membership.hold('group', 'channel')
    const renewal = Promise.withResolvers<void>()
    layer.before = () => renewal.promise
    await vi.advanceTimersByTimeAsync(DAY / 2)
    let closed = false
    const closing = membership.close().then(() => (closed = true))
    await vi.advanceTimersByTimeAsync(DAY)
    expect(closed).toBe(false)
    renewal.resolve()
    await closing
    expect(layer.calls).toHaveLength(2)
    await expect(membership.hold('group', 'channel')).rejects.toMatchObject({ code: 'channel_layer_closed' })
  })

  it('leaves it possible to drop what was held', async () => {
    await membership.hold('group', 'channel')
    await membership.close()
    await membership.dropAll('channel')
    expect(layer.calls).toEqual(['add group/channel', 'discard group/channel'])
  })
})
