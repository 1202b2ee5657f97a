/** What a provider yields again when its run goes on, and a run that begins anew. */
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import type { RunEnd } from '../../../src/protocol/run-end.ts'
import { RunMovedError } from '../../../src/providers/provider.ts'
import type { RunContext, RunProvider } from '../../../src/providers/provider.ts'
import { END_REASONS } from '../../../src/runs/end-reasons.ts'
import type { EndReason } from '../../../src/runs/end-reasons.ts'
import type { RunDefinition } from '../../../src/runs/definition.ts'
import type { RunLimits } from '../../../src/runs/options.ts'
import { offsetBefore } from '../../../src/protocol/offset.ts'
import { Replay } from '../../../src/runs/log/replay.ts'
import { StoreError } from '../../../src/streams/errors.ts'
import { memory } from '../../../src/streams/memory/store.ts'
import type { StreamInfo } from '../../../src/streams/stream.ts'
import { PuppetProvider } from '../puppet.ts'
import { onEveryStore } from '../world.ts'
import type { Mortal, World } from '../world.ts'
import { asRun } from '../../support/as-run.ts'

const COMPLETED: RunEnd = { status: 'completed' }

function failed(reason: EndReason): RunEnd {
  return { reason, ...END_REASONS[reason] }
}

/** That its log has these records and was closed with this end. */
async function expectLog(world: World, records: readonly unknown[], end: RunEnd): Promise<void> {
  expect(await world.records('r')).toEqual([...records, { end }])
}

/** A run of which a first process kept these, and which a second one goes on with. */
async function takenOver(
  world: World,
  kind: RunDefinition,
  puppet: PuppetProvider,
  events: readonly Json[],
  limits: Partial<RunLimits> = {},
): Promise<Mortal> {
  const kinds = { play: kind }
  const first = world.mortal({ runs: kinds })
  const second = world.mortal({ runs: kinds, limits })
  await first.runs.start({ id: 'r', kind: 'play', input: [] })
  puppet.last.yield(...events)
  await world.until(async () => (await world.records('r')).length === events.length)
  first.kill()
  second.runs.open()
  await world.passUntil(() => puppet.calls.length === 2, 14)
  return second
}

onEveryStore('what a provider yields again', (world) => {
  const playing = (puppet: PuppetProvider, kind: Partial<RunDefinition> = {}): RunDefinition => ({
    run: puppet.run,
    resumable: true,
    ...kind,
  })

  it('is dropped when it is what the log holds, and what follows is kept', async () => {
    const puppet = new PuppetProvider()
    await takenOver(world(), playing(puppet), puppet, [{ n: 1, of: 'ü' }, 'two', null])
    puppet.last.yield({ n: 1, of: 'ü' }, 'two', null, 'four')
    puppet.last.end()
    await world().until(() => puppet.last.ended)
    await world().until(async () => (await world().store.head('r'))?.closed)
    await expectLog(world(), [{ n: 1, of: 'ü' }, 'two', null, 'four'], COMPLETED)
  })

  it.each<[string, readonly Json[]]>([
    ['another text', ['one', 'tow', 'three']],
    ['the same keys in another order', ['one', { b: 1, a: 2 }]],
    ['one that was left out', ['two', 'three']],
  ])('ends the run at the first difference: %s', async (_what, events) => {
    const puppet = new PuppetProvider()
    const second = await takenOver(world(), playing(puppet), puppet, ['one', { a: 2, b: 1 }, 'two'])
    puppet.last.yield(...events)
    await world().until(() => puppet.last.ended)
    // Nobody goes on with what is under way upstream.
    expect(puppet.last.context.signal.reason).not.toBeInstanceOf(RunMovedError)
    await world().until(async () => (await world().store.head('r'))?.closed)
    await expectLog(world(), ['one', { a: 2, b: 1 }, 'two'], failed('replay_differs'))
    expect((await second.runs.get('r'))?.info.reason).toBe('replay_differs')
  })

  it('ends the run when it is less than what the log holds', async () => {
    const puppet = new PuppetProvider()
    await takenOver(world(), playing(puppet), puppet, ['one', 'two'])
    puppet.last.yield('one')
    puppet.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed)
    await expectLog(world(), ['one', 'two'], failed('replay_differs'))
  })

  it('is waited for while the store is away, and no longer than patience with it', async () => {
    const puppet = new PuppetProvider()
    const second = await takenOver(world(), playing(puppet), puppet, ['one', 'two'])
    let failures = 0
    second.hand.around = async (method, call) => {
      if (method === 'read' && failures++ < 3) throw new StoreError('unavailable', 'away')
      return call()
    }
    puppet.last.yield('one', 'two', 'three')
    await world().passUntil(async () => (await world().records('r')).length === 3, 2)
    expect(failures).toBe(4)
    expect(second.runs.active).toBe(1)
  })

  it('ends the run when the log cannot be read', async () => {
    const puppet = new PuppetProvider()
    const second = await takenOver(world(), playing(puppet), puppet, ['one', 'two'])
    second.hand.around = async (method, call) => {
      if (method === 'read') throw new StoreError('corrupt', 'A page is damaged')
      return call()
    }
    puppet.last.yield('one')
    await world().passUntil(async () => (await world().store.head('r'))?.closed, 2)
    await expectLog(world(), ['one', 'two'], failed('store'))
  })

  it('ends the run when its log was trimmed where it comes again', async () => {
    const puppet = new PuppetProvider()
    const second = await takenOver(world(), playing(puppet), puppet, ['one', 'two', 'three'])
    await world().store.trim('r', { position: 2 })
    puppet.last.yield('one', 'two', 'three')
    await world().until(() => puppet.last.ended)
    // Nobody goes on with what is under way upstream.
    expect(puppet.last.context.signal.reason).not.toBeInstanceOf(RunMovedError)
    await world().until(async () => (await world().store.head('r'))?.closed)
    await expectLog(world(), ['three'], failed('store'))
    expect(second.runs.active).toBe(0)
  })

  it('is taken from a log that was trimmed up to its checkpoint', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: playing(puppet) }
    const first = world().mortal({ runs: kinds })
    await first.runs.start({ id: 'r', kind: 'play' })
    puppet.last.checkpoint(1, 'one')
    puppet.last.yield('two')
    await world().until(async () => (await world().records('r')).length === 2)
    await world().store.trim('r', { position: 1 })
    first.kill()
    world().process({ runs: kinds }).open()
    await world().passUntil(() => puppet.calls.length === 2, 14)
    expect(puppet.last.context.resumeFrom).toBe(1)
    puppet.last.yield('two', 'three')
    puppet.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed)
    await expectLog(world(), ['two', 'three'], COMPLETED)
  })
})

onEveryStore('what a provider yields after a hand-over', (world) => {
  it('is dropped: in answer to its abort, and later', async () => {
    const kinds: Record<string, RunDefinition> = { count: { resumable: true, run: asRun(() => counting) } }
    const first = world().process({ runs: kinds, leaseTtl: 0.5 })
    await first.start({ id: 'r', kind: 'count' })
    await world().passUntil(async () => (await world().records('r')).length === 4, 1)
    await world().close(first)
    const second = world().process({ runs: kinds, leaseTtl: 0.5 })
    second.open()
    await world().passUntil(async () => (await world().store.head('r'))?.closed, 3)
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ n }))
    await expectLog(world(), [...all], COMPLETED)
  })

  /** Says that it was aborted, as streams of the AI SDK do. */
  const counting: RunProvider = async function* ({ signal, resumeFrom, checkpoint }) {
    for (let n = Number(resumeFrom ?? 0) + 1; n <= 8; n++) {
      checkpoint(n)
      yield { n }
      const aborted = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 100)
        const abort = (): void => {
          clearTimeout(timer)
          resolve(true)
        }
        signal.addEventListener('abort', abort, { once: true })
      })
      if (!aborted) continue
      yield { type: 'abort' }
      yield { type: 'bye' }
      return
    }
  }
})

onEveryStore('a run that begins anew', (world) => {
  const marked = (puppet: PuppetProvider, kind: Partial<RunDefinition> = {}): RunDefinition => ({
    run: puppet.run,
    newAttempt: ({ attempt, reason }) => [{ type: 'again', attempt, reason }],
    ...kind,
  })

  it('does so when it cannot be continued, behind a mark', async () => {
    const puppet = new PuppetProvider()
    const second = await takenOver(world(), marked(puppet), puppet, ['one', 'two'])
    expect(puppet.last.context.resumeFrom).toBeUndefined()
    puppet.last.yield('eins')
    puppet.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed)
    const mark = { type: 'again', attempt: 2, reason: 'interrupted' }
    await expectLog(world(), ['one', 'two', mark, 'eins'], COMPLETED)
    expect((await second.runs.get('r'))?.info).toMatchObject({ status: 'completed', attempt: 2 })
  })

  it('does so when what was yielded again differs, and its provider was ended', async () => {
    const puppet = new PuppetProvider()
    await takenOver(world(), marked(puppet, { resumable: true }), puppet, ['one', 'two'])
    puppet.last.yield('one', 'other')
    await world().until(() => puppet.calls.length === 3)
    expect(puppet.calls[1]?.context.signal.aborted).toBe(true)
    puppet.last.yield('eins')
    puppet.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed)
    const mark = { type: 'again', attempt: 2, reason: 'replay_differs' }
    await expectLog(world(), ['one', 'two', mark, 'eins'], COMPLETED)
  })

  it('goes on from its mark when it dies again', async () => {
    const puppet = new PuppetProvider()
    const kind = marked(puppet, { resumable: true })
    const second = await takenOver(world(), kind, puppet, ['one'])
    puppet.last.yield('other')
    await world().until(() => puppet.calls.length === 3)
    puppet.last.yield('eins')
    await world().until(async () => (await world().records('r')).length === 3)
    second.kill()
    world()
      .process({ runs: { play: kind } })
      .open()
    await world().passUntil(() => puppet.calls.length === 4, 14)
    expect(puppet.last.context.resumeFrom).toBeUndefined()
    puppet.last.yield('eins')
    puppet.last.checkpoint('c', 'zwei')
    puppet.last.end()
    await world().until(async () => (await world().store.head('r'))?.closed)
    const mark = { type: 'again', attempt: 2, reason: 'replay_differs' }
    await expectLog(world(), ['one', mark, 'eins', 'zwei'], COMPLETED)
  })

  it('begins behind a log that was trimmed, of which it counts what is kept', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: marked(puppet, { newAttempt: () => ['again'] }) }
    const first = world().mortal({ runs: kinds })
    await first.runs.start({ id: 'r', kind: 'play' })
    puppet.last.yield('x'.repeat(3000), 'y'.repeat(1000))
    await world().until(async () => (await world().records('r')).length === 2)
    await world().store.trim('r', { last: 1 })
    first.kill()
    world()
      .process({ runs: kinds, limits: { bytes: 4000 } })
      .open()
    await world().passUntil(() => puppet.calls.length === 2, 14)
    puppet.last.yield('z'.repeat(2000), 'w'.repeat(2000))
    await world().until(async () => (await world().store.head('r'))?.closed)
    expect((await world().store.head('r'))?.end).toEqual(failed('bytes_exceeded'))
    expect(await world().records('r')).toHaveLength(4)
  })

  it('is given its input as it was, whatever the attempt before it did to that', async () => {
    const puppet = new PuppetProvider()
    const given: unknown[] = []
    const provider = (input: Json): RunProvider => {
      given.push(structuredClone(input))
      ;(input as Json[]).push('a tool call')
      return puppet.provider
    }
    await takenOver(world(), marked(puppet, { run: asRun(provider), resumable: true }), puppet, ['one'])
    puppet.last.yield('other')
    await world().until(() => puppet.calls.length === 3)
    expect(given).toEqual([[], [], []])
  })

  it('hears nothing of the attempt before it, which may still be ending', async () => {
    const puppet = new PuppetProvider()
    let before: RunContext | undefined
    const left = Promise.withResolvers<void>()
    const late: RunProvider = async function* (context) {
      try {
        yield* puppet.provider(context)
      } finally {
        before = context
        await left.promise
      }
    }
    const kind = marked(puppet, { run: asRun(() => late), resumable: true })
    await takenOver(world(), kind, puppet, ['one'], { silence: 2 })
    puppet.last.yield('other')
    await world().passUntil(() => puppet.calls.length === 3, 6)
    before?.checkpoint('late')
    puppet.last.yield('eins')
    await world().until(async () => (await world().records('r')).length === 3)
    expect((await world().store.head('r'))?.checkpoint).not.toHaveProperty('value')
    const isSilent = async (): Promise<boolean | undefined> => {
      before?.alive()
      return (await world().store.head('r'))?.closed
    }
    await world().passUntil(isSilent, 8)
    expect((await world().store.head('r'))?.end).toEqual(failed('silent'))
    left.resolve()
  })

  it('ends upstream what the attempt before it left there', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: marked(puppet) }
    const first = world().mortal({ runs: kinds })
    await first.runs.start({ id: 'r', kind: 'play' })
    puppet.last.checkpoint('response-1', 'one')
    await world().until(async () => (await world().records('r')).length === 1)
    first.kill()
    world().process({ runs: kinds }).open()
    await world().passUntil(() => puppet.calls.length === 3, 14)
    expect(puppet.calls[1]?.context).toMatchObject({ resumeFrom: 'response-1', signal: { aborted: true } })
    expect(puppet.last.context.resumeFrom).toBeUndefined()
  })

  it('is left to others by a process that shuts down, and ended upstream', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: marked(puppet) }
    const [first, second] = [world().process({ runs: kinds }), world().process({ runs: kinds })]
    await first.start({ id: 'r', kind: 'play' })
    second.open()
    puppet.last.yield('one')
    await world().until(async () => (await world().records('r')).length === 1)
    const before = puppet.last.context.signal
    await world().close(first)
    expect(before.reason).not.toBeInstanceOf(RunMovedError)
    await world().passUntil(() => puppet.calls.length === 2, 3)
    await world().until(async () => (await world().records('r')).length === 2)
  })

  it('does so five times, and then ends', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: marked(puppet) }
    let one = world().mortal({ runs: kinds })
    await one.runs.start({ id: 'r', kind: 'play' })
    for (let death = 1; death <= 6; death++) {
      puppet.last.yield(death)
      await world().until(async () => (await world().records('r')).includes(death))
      one.kill()
      one = world().mortal({ runs: kinds })
      one.runs.open()
      if (death <= 5) await world().passUntil(() => puppet.calls.length === death + 1, 14)
    }
    await world().passUntil(async () => (await world().store.head('r'))?.closed, 14)
    expect((await world().store.head('r'))?.end).toEqual(failed('interrupted'))
    expect(await world().records('r')).toHaveLength(12)
  })

  it.each<[string, RunDefinition['newAttempt'], EndReason]>([
    ['gives no mark', () => [], 'provider_failed'],
    [
      'throws',
      () => {
        throw new Error('not now')
      },
      'provider_failed',
    ],
    ['gives what is no JSON', () => [undefined as never], 'not_json'],
    ['gives a mark larger than may be', () => ['x'.repeat(8 * 1024 * 1024)], 'provider_failed'],
    ['gives more than an append may hold', () => Array.from({ length: 1001 }, () => 1), 'provider_failed'],
  ])('ends where its kind %s', async (_what, newAttempt, reason) => {
    const puppet = new PuppetProvider()
    const kinds = { play: marked(puppet, { newAttempt: newAttempt as never }) }
    const first = world().mortal({ runs: kinds })
    await first.runs.start({ id: 'r', kind: 'play' })
    first.kill()
    world().process({ runs: kinds }).open()
    await world().passUntil(async () => (await world().store.head('r'))?.closed, 14)
    await expectLog(world(), [], failed(reason))
  })

  it('keeps its limit of bytes over all attempts', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: marked(puppet, { newAttempt: () => ['again'] }) }
    const first = world().mortal({ runs: kinds })
    const limits = { bytes: 5000 }
    await first.runs.start({ id: 'r', kind: 'play' })
    puppet.last.yield('x'.repeat(3000))
    await world().until(async () => (await world().records('r')).length === 1)
    first.kill()
    world().process({ runs: kinds, limits }).open()
    await world().passUntil(() => puppet.calls.length === 2, 14)
    puppet.last.yield('x'.repeat(3000))
    await world().until(async () => (await world().store.head('r'))?.closed)
    expect((await world().store.head('r'))?.end).toEqual(failed('bytes_exceeded'))
  })
})

describe('a replay', () => {
  it('reads page by page, and no further than the tail it was given', async () => {
    const store = memory()
    const records = Array.from({ length: 2500 }, (_, n) => String(n))
    await store.create('r')
    for (let at = 0; at < records.length; at += 500)
      await store.append('r', { records: records.slice(at, at + 500) })
    const { signal } = new AbortController()
    const { tail } = (await store.head('r')) as StreamInfo
    const range = { store, id: 'r', from: 100, to: offsetBefore(tail, 2400), patienceMs: 0, signal }
    const replay = new Replay(range)
    let pages = 0
    for (const record of records.slice(100, 2400)) {
      const took = replay.takes(record)
      if (took !== true) pages++
      expect(await took).toBe(true)
    }
    expect([replay.left, pages]).toEqual([0, 3])
    const passed = new Replay(range)
    await passed.takes('100')
    expect(await passed.skip()).toBe(records.slice(101, 2400).join('').length)
    expect(passed.left).toBe(0)
    await store.close()
  })

  it('takes no record of another history, from its first page on', async () => {
    const [store, other] = [memory(), memory()]
    for (const one of [store, other]) await one.create('r', { records: ['1', '2', '3'] })
    const { tail } = (await other.head('r')) as StreamInfo
    const { signal } = new AbortController()
    const replay = new Replay({ store, id: 'r', from: 1, to: tail, patienceMs: 0, signal })
    await expect(replay.takes('2')).rejects.toThrow('The log has lost records')
    expect(new Replay({ store, id: 'r', from: 3, to: tail, patienceMs: 0, signal }).left).toBe(0)
    await Promise.all([store.close(), other.close()])
  })
})
