import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { memoryChannels, type MemoryChannelLayer } from '../../../src/channels/memory/layer.ts'
import { channelLayerCases, reasonToSkipLayerCase } from '../../../src/conformance/channel-layer-cases.ts'
import { memoryHarness } from '../memory-harness.ts'

describe('the cases of every channel layer', () => {
  // test/conformance/channel-layer-cases.test.ts runs the rest, on a memory layer that two processes seem to share.
  const possible = channelLayerCases.filter(
    (layerCase) => reasonToSkipLayerCase(layerCase, memoryHarness()) === undefined,
  )

  it.each(possible)('$rules: $name', (layerCase) => layerCase.run(memoryHarness()))

  it('leave out only what takes another process', () => {
    const impossible = channelLayerCases.filter((layerCase) => !possible.includes(layerCase))
    expect(impossible.length).toBeGreaterThan(0)
    for (const { name, needs } of impossible) expect(needs, name).toContain('peers')
  })
})

describe('options', () => {
  it.each([
    { expiry: 0 },
    { expiry: Number.NaN },
    { expiry: Number.POSITIVE_INFINITY },
    { groupExpiry: -1 },
    { capacity: 0 },
    { capacity: 1.5 },
    { channelCapacity: { work: 0 } },
    { channelCapacity: [[/^work/, Number.NaN]] as const },
  ])('%o is refused', (options) => {
    expect(() => memoryChannels(options)).toThrow(RangeError)
  })

  it('a refusal says what is wrong', () => {
    expect(() => memoryChannels({ channelCapacity: { 'work.*': 0 } })).toThrow(
      'channelCapacity of work.* must be a positive integer (messages), not 0',
    )
    expect(() => memoryChannels({ expiry: -5 })).toThrow(
      'expiry must be a positive number of seconds, not -5',
    )
  })

  it('an option that is undefined has its default', () => {
    const layer = memoryChannels({ expiry: undefined, capacity: undefined, channelCapacity: undefined })
    expect(layer.expiry).toBe(60)
    expect(layer.groupExpiry).toBe(86_400)
  })
})

describe('a full channel', () => {
  it('says its name and its capacity', async () => {
    const layer = memoryChannels({ capacity: 1 })
    await layer.send('work', { type: 'test' })
    const error = await layer.send('work', { type: 'test' }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'channel_full' })
    expect(error).toMatchObject({
      channel: 'work',
      capacity: 1,
      message: 'The channel "work" is full: 1 messages wait in it',
    })
  })

  it('does not count what is handed to a receiver that waits', async () => {
    const layer = memoryChannels({ capacity: 1 })
    const waiting = layer.receive('work')
    await layer.send('work', { type: 'handed' })
    await layer.send('work', { type: 'held' })
    await expect(layer.send('work', { type: 'too much' })).rejects.toMatchObject({ code: 'channel_full' })
    expect(await waiting).toEqual({ type: 'handed' })
  })
})

describe('what is held', () => {
  const NOTHING = {
    channels: 0,
    messages: 0,
    receivers: 0,
    groups: 0,
    memberships: 0,
    dropped: 0,
    expired: 0,
  }
  let layer: MemoryChannelLayer

  beforeEach(() => {
    vi.useFakeTimers()
    layer = memoryChannels()
  })

  afterEach(async () => {
    await layer.close()
    vi.useRealTimers()
  })

  it('is nothing after every channel was released', async () => {
    const channels = Array.from({ length: 1000 }, () => layer.newChannel())
    for (const [n, channel] of channels.entries()) {
      await layer.groupAdd(`group-${n % 10}`, channel)
      await layer.groupAdd(`own-${n}`, channel)
      await layer.send(channel, { type: 'test' })
    }
    expect(layer.usage()).toEqual({
      dropped: 0,
      expired: 0,
      channels: 1000,
      messages: 1000,
      receivers: 0,
      groups: 1010,
      memberships: 2000,
    })
    for (const channel of channels) layer.release(channel)
    expect(layer.usage()).toEqual(NOTHING)
  })

  it('is nothing after messages were received, or receivers gave up', async () => {
    await layer.send('work', { type: 'test' })
    await layer.receive('work')
    expect(layer.usage()).toEqual(NOTHING)

    const controller = new AbortController()
    const waiting = Array.from({ length: 100 }, (_, n) => layer.receive(`work-${n % 10}`, controller.signal))
    expect(layer.usage()).toMatchObject({ channels: 10, receivers: 100 })
    controller.abort()
    await Promise.allSettled(waiting)
    expect(layer.usage()).toEqual(NOTHING)
  })

  it('is nothing after messages and memberships expired, though nobody asks again', async () => {
    const channel = layer.newChannel()
    await layer.send(channel, { type: 'test' })
    for (let n = 0; n < 100; n++) {
      await layer.send(`work-${n}`, { type: 'test' })
      await layer.groupAdd(`group-${n}`, `work-${n}`)
    }
    await vi.advanceTimersByTimeAsync(60_000)
    expect(layer.usage()).toEqual({ ...NOTHING, channels: 1, groups: 100, memberships: 100, expired: 101 })
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(layer.usage()).toEqual({ ...NOTHING, channels: 1, expired: 101 })
  })

  it('is nothing after close', async () => {
    const waiting = layer.receive(layer.newChannel())
    await layer.send('work', { type: 'test' })
    await layer.groupAdd('group', 'work')
    await layer.close()
    await expect(waiting).rejects.toMatchObject({ code: 'channel_layer_closed' })
    expect(layer.usage()).toEqual(NOTHING)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('needs one timer, and none when there is nothing to expire', async () => {
    const channels = Array.from({ length: 100 }, () => layer.newChannel())
    const controller = new AbortController()
    const waiting = channels.map((channel) => layer.receive(channel, controller.signal))
    expect(vi.getTimerCount()).toBe(0)
    for (const channel of channels) {
      await layer.send(channel, { type: 'handed' })
      await layer.send(channel, { type: 'held' })
      await layer.groupAdd('group', channel)
    }
    await Promise.all(waiting)
    expect(vi.getTimerCount()).toBe(1)
    for (const channel of channels) layer.release(channel)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may be kept for longer than a timer can wait', async () => {
    const patient = memoryChannels({ expiry: 10_000_000, groupExpiry: 10_000_000 })
    await patient.send('work', { type: 'test' })
    await vi.advanceTimersByTimeAsync(9_999_999_999)
    expect(patient.usage().messages).toBe(1)
    expect(await patient.receive('work')).toEqual({ type: 'test' })
    await patient.close()
  })
})

describe('a channel that is used again', () => {
  it('keeps a message that comes as its last receiver leaves', async () => {
    const layer = memoryChannels()
    const controller = new AbortController()
    const waiting = layer.receive('work', controller.signal)
    controller.abort()
    const sending = layer.send('work', { type: 'test' })
    await expect(waiting).rejects.toBe(controller.signal.reason)
    await sending
    expect(await layer.receive('work')).toEqual({ type: 'test' })
  })

  it('keeps a message that comes between the ends of two receivers', async () => {
    const layer = memoryChannels()
    const controllers = [new AbortController(), new AbortController()]
    const waiting = controllers.map((controller) => layer.receive('work', controller.signal))
    let sending: Promise<void> | undefined
    controllers[0]?.abort()
    queueMicrotask(() => {
      sending = layer.send('work', { type: 'test' })
    })
    controllers[1]?.abort()
    await Promise.allSettled(waiting)
    await sending
    expect(layer.usage().messages).toBe(1)
    expect(await layer.receive('work')).toEqual({ type: 'test' })
  })

  it('keeps a receiver that comes as the last message is taken', async () => {
    const layer = memoryChannels()
    await layer.send('work', { type: 'first' })
    const first = layer.receive('work')
    const second = layer.receive('work')
    expect(await first).toEqual({ type: 'first' })
    await layer.send('work', { type: 'second' })
    expect(await second).toEqual({ type: 'second' })
  })
})

it('a process that holds messages can end', async () => {
  vi.useFakeTimers()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const layer = memoryChannels()
  await layer.send('work', { type: 'test' })
  expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false])
  await layer.close()
  vi.useRealTimers()
})

it('a receive from a released channel says why', async () => {
  const layer = memoryChannels()
  const error = await layer.receive('other.process!channel').catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'channel_released' })
  expect(error).toMatchObject({ code: 'channel_released', channel: 'other.process!channel' })
})
