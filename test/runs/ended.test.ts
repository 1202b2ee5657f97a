/** A kind is told of the end of its runs. */
import type { RunContext } from 'millrace'
import { expect, it } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import type { RunEnd } from '../../src/protocol/run-end.ts'
import { END_REASONS } from '../../src/runs/end-reasons.ts'
import type { RunDefinition } from '../../src/runs/definition.ts'
import type { RunInfo } from '../../src/runs/run.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'
import type { World } from './world.ts'
import { asRun } from '../support/as-run.ts'

const COMPLETED: RunEnd = { status: 'completed' }
const STOPPED: RunEnd = { status: 'stopped' }
const INTERRUPTED: RunEnd = { reason: 'interrupted', ...END_REASONS.interrupted }
const FOREVER = new Promise<void>(() => undefined)
const DAY = 24 * 3600

/** A kind whose `ended` notes what it is told. */
class Told {
  readonly puppet = new PuppetProvider()
  readonly calls: { readonly info: RunInfo; readonly end: RunEnd; readonly signal: AbortSignal }[] = []
  /** What it does then. */
  answer: (call: number) => void | Promise<void> = () => undefined

  kinds(kind: Partial<RunDefinition> = {}): Record<string, RunDefinition> {
    const ended: RunDefinition['ended'] = (info, end, signal) => {
      this.calls.push({ info, end, signal })
      return this.answer(this.calls.length)
    }
    return { play: { run: this.puppet.run, ended, ...kind } }
  }

  get ends(): readonly (readonly [id: string, status: string])[] {
    return this.calls.map(({ info, end }) => [info.id, end.status])
  }
}

/** What is owed, once every lease that anybody holds is over. */
async function owed(world: World): Promise<readonly string[]> {
  await world.pass(11)
  return (await world.store.leases.expired()).map(({ stream }) => stream)
}

/** A run of the kind that ended, with this left by somebody else. */
async function leave(world: World, owes: Json, id = 'left'): Promise<void> {
  const metadata = { run: { startedAt: 1, attempt: 1, kind: 'play' } }
  const created = await world.store.create(id, { metadata, lease: { holder: 'gone', ttlMs: 1 } })
  if (created.outcome !== 'created' || !created.lease) throw new Error(created.outcome)
  const producer = { id: LEASE_PRODUCER, epoch: created.lease.epoch, seq: 0 }
  await world.store.append(id, { close: true, end: { ...COMPLETED }, owes, producer })
}

onEveryStore('the end of a run', (world) => {
  it('is told to its kind once it is kept, with what is known of the run', async () => {
    const told = new Told()
    const runs = world().process({ runs: told.kinds() })
    let kept: unknown
    told.answer = async () => {
      kept = (await world().store.head('one'))?.end
    }
    await runs.start({ id: 'one', kind: 'play', owner: 'anna', chat: 'c', metadata: { for: 'bill' } })
    told.puppet.last.yield('a', 'b')
    told.puppet.last.end()
    await world().until(() => kept)
    expect(kept).toEqual(COMPLETED)
    const [{ info, end }] = told.calls as [Told['calls'][0]]
    expect(end).toEqual(COMPLETED)
    expect(info).toMatchObject({ id: 'one', status: 'completed', owner: 'anna', chat: 'c', kind: 'play' })
    expect(info).toMatchObject({ metadata: { for: 'bill' }, tail: { position: 2 }, attempt: 1 })
    expect(await owed(world())).toEqual([])
    expect(told.calls).toHaveLength(1)
  })

  it('is told however it ended, and to no kind that does not ask for it', async () => {
    const told = new Told()
    const other = new PuppetProvider()
    const { runs, hand } = world().mortal({
      runs: { ...told.kinds(), other: { run: other.run } },
    })
    const stopped = await runs.start({ kind: 'play' })
    await runs.stop(stopped.id)
    const failed = await runs.start({ kind: 'play' })
    told.puppet.last.throw(new Error('out of luck'))
    await failed.end
    const interrupted = await runs.start({ kind: 'play' })
    const silent = await runs.start({ kind: 'other' })
    await world().close(runs)
    await world().until(() => told.calls.length === 3)
    expect(told.ends).toEqual([
      [stopped.id, 'stopped'],
      [failed.id, 'failed'],
      [interrupted.id, 'failed'],
    ])
    expect(told.calls.at(-1)?.end).toEqual(INTERRUPTED)
    expect(await silent.end.catch(() => INTERRUPTED)).toEqual(INTERRUPTED)
    const settled = hand.calls.filter(({ method }) => method === 'leases.settle')
    expect(settled).toHaveLength(3)
  })

  it('is told by another process when the one that wrote it dies before it was told', async () => {
    const told = new Told()
    const first = world().mortal({ runs: told.kinds() })
    const second = new Told()
    world().process({ runs: second.kinds() }).open()
    told.answer = () => {
      first.kill()
      return FOREVER
    }
    const run = await first.runs.start({ kind: 'play' })
    told.puppet.last.end()
    await run.end
    const passed = await world().passUntil(() => second.calls.length > 0, 20)
    expect(passed).toBeLessThanOrEqual(14)
    expect(second.ends).toEqual([[run.id, 'completed']])
    expect(await owed(world())).toEqual([])
    expect(second.calls).toHaveLength(1)
  })

  it.each([
    ['kept it', 'append'],
    ['looked at it', 'head'],
  ])(
    'is not told by a process that stood still after it %s until another one told it',
    async (_when, last) => {
      const told = new Told()
      const first = world().mortal({ runs: told.kinds() })
      const second = new Told()
      const still = Promise.withResolvers<void>()
      let isClosed = false
      let isStill = false
      first.hand.around = async (method, call) => {
        if (method === 'leases.renew') await still.promise
        const result = await call()
        // What its store answers comes when it goes on.
        isClosed ||= method === 'append' && told.puppet.last.ended
        isStill ||= isClosed && method === last
        if (isStill) await still.promise
        return result
      }
      await first.runs.start({ id: 'one', kind: 'play' })
      told.puppet.last.end()
      await world().until(() => isStill)
      world().process({ runs: second.kinds() }).open()
      await world().passUntil(() => second.calls.length > 0, 20)
      still.resolve()
      expect(await owed(world())).toEqual([])
      expect([told.ends, second.ends]).toEqual([[], [['one', 'completed']]])
    },
  )

  it('is told again when only that it was told could not be kept', async () => {
    const told = new Told()
    const first = world().mortal({ runs: told.kinds(), storePatience: 1 })
    world().process({ runs: told.kinds() }).open()
    first.hand.around = (method, call) =>
      method === 'leases.settle' ? Promise.reject(new Error('the disk is broken')) : call()
    const run = await first.runs.start({ kind: 'play' })
    told.puppet.last.end()
    await run.end
    await world().passUntil(() => told.calls.length === 2, 20)
    expect(await owed(world())).toEqual([])
    expect(told.calls).toHaveLength(2)
  })

  it('is told by the process that ends it for one that died', async () => {
    const told = new Told()
    const first = world().mortal({ runs: told.kinds() })
    const run = await first.runs.start({ kind: 'play' })
    first.kill()
    const second = new Told()
    const [two, three] = [second, new Told()]
    world().process({ runs: two.kinds() }).open()
    world().process({ runs: three.kinds() }).open()
    await world().passUntil(() => two.calls.length + three.calls.length > 0, 20)
    await world().pass(20)
    expect([...two.calls, ...three.calls]).toMatchObject([{ info: { id: run.id }, end: INTERRUPTED }])
    expect(told.calls).toEqual([])
  })

  it('is left alone by a process that does not know the kind, which says so once', async () => {
    const told = new Told()
    await leave(world(), { ended: true })
    world().process().open()
    await world().pass(60)
    const words =
      'ended runs are left to other processes: their kinds are unknown here, or have no `ended` here'
    expect(world().logger.messages('warn')).toEqual([words])
    world().process({ runs: told.kinds() }).open()
    await world().passUntil(() => told.calls.length > 0, 3)
    expect(await owed(world())).toEqual([])
  })

  it('is done as far as it is known here, and left as it is where a newer version left more', async () => {
    const told = new Told()
    await leave(world(), { later: { by: 'a newer one' } }, 'newer')
    await leave(world(), { ended: true, later: 1 }, 'both')
    world().process({ runs: told.kinds() }).open()
    await world().pass(60)
    expect(told.ends).toEqual([['both', 'completed']])
    const left = await world().store.leases.expired()
    expect(left.map(({ stream }) => stream).sort()).toEqual(['both', 'newer'])
    // Not claimed again and again.
    for (const { epoch } of left) expect(epoch).toBeLessThanOrEqual(3)
    for (const lease of left) {
      const claimed = await world().store.leases.claim(lease, { holder: 'newer', ttlMs: 1000 })
      expect(claimed).toMatchObject({ owes: { later: expect.anything() as unknown } })
      expect(claimed).not.toMatchObject({ owes: { ended: true } })
    }
  })

  it('is left to others by processes whose kind has nobody to tell', async () => {
    const told = new Told()
    await leave(world(), { ended: true })
    for (let process = 0; process < 2; process++)
      world()
        .process({ runs: { play: { run: told.puppet.run } } })
        .open()
    await world().pass(60)
    const [lease] = await world().store.leases.expired()
    // Claimed by each of them to look at it, and not again and again.
    expect(lease).toMatchObject({ stream: 'left', owed: true })
    expect(lease?.epoch).toBeLessThanOrEqual(3)
    world().process({ runs: told.kinds() }).open()
    await world().passUntil(() => told.calls.length > 0, 3)
    expect(told.ends).toEqual([['left', 'completed']])
    expect(await owed(world())).toEqual([])
  })

  it('is told of many a hundred at a time, as soon as there is room', async () => {
    const told = new Told()
    let most = 0
    let now = 0
    told.answer = async () => {
      most = Math.max(most, ++now)
      await new Promise((resolve) => setTimeout(resolve, 100))
      now--
    }
    const ids = Array.from({ length: 250 }, (_, n) => `left-${n}`)
    await Promise.all(ids.map((id) => leave(world(), { ended: true }, id)))
    world().process({ runs: told.kinds() }).open()
    // Looks alone, which come every two seconds, would take four.
    await world().passUntil(() => told.calls.length === ids.length, 1.5)
    expect(most).toBe(100)
    expect(new Set(told.calls.map(({ info }) => info.id)).size).toBe(ids.length)
  })

  it('is told again, less and less often, while that fails', async () => {
    const told = new Told()
    told.answer = (call) => {
      if (call <= 4) throw new Error(`no ${call}`)
    }
    const runs = world().process({ runs: told.kinds() })
    const run = await runs.start({ kind: 'play' })
    told.puppet.last.end()
    await run.end
    const gaps: number[] = []
    for (const calls of [1, 2, 3, 4, 5])
      gaps.push(await world().passUntil(() => told.calls.length === calls, 30))
    // A pause, and up to the next look, which comes every two seconds.
    for (const [n, pause] of [1, 2, 4, 8].entries()) {
      expect(gaps[n + 1]).toBeGreaterThanOrEqual(pause - 0.1)
      expect(gaps[n + 1]).toBeLessThanOrEqual(pause + 2.1)
    }
    expect(await owed(world())).toEqual([])
    const warned = world().logger.lines.filter(({ level }) => level === 'warn')
    expect(warned[0]).toMatchObject({
      fields: { run: run.id, kind: 'play', attempt: 1 },
      message: 'end of a run could not be handled; trying again later',
    })
    expect(warned.length).toBeLessThan(4)
  })

  it('is told again when that hangs, with its signal aborted', async () => {
    const told = new Told()
    told.answer = (call) => (call === 1 ? FOREVER : undefined)
    const runs = world().process({ runs: told.kinds(), endedTimeout: 30 })
    const run = await runs.start({ kind: 'play' })
    told.puppet.last.end()
    await run.end
    // Longer than its lease: meanwhile nobody else does.
    const others = new Told()
    world().process({ runs: others.kinds() }).open()
    await world().pass(29)
    expect(told.calls[0]?.signal.aborted).toBe(false)
    expect([...told.calls, ...others.calls]).toHaveLength(1)
    await world().pass(5)
    expect(told.calls[0]?.signal.aborted).toBe(true)
    expect([...told.calls, ...others.calls]).toHaveLength(2)
    expect(await owed(world())).toEqual([])
  })

  it('is left to others by a process that shuts down in the middle', async () => {
    const told = new Told()
    told.answer = () => FOREVER
    const runs = world().process({ runs: told.kinds() })
    const run = await runs.start({ kind: 'play' })
    told.puppet.last.end()
    await run.end
    await world().until(() => told.calls.length === 1)
    const others = new Told()
    const other = world().process({ runs: others.kinds() })
    // That opens its mailbox.
    await (
      await other.start({}, async function* () {})
    ).end
    await world().close(runs)
    expect(told.calls[0]?.signal.aborted).toBe(true)
    // Told of it, it does not wait for its next look.
    await world().passUntil(() => others.calls.length === 1, 1)
    expect(others.ends).toEqual([[run.id, 'completed']])
    expect(await owed(world())).toEqual([])
  })

  it('is waited for by a process that shuts down, as long as a provider is', async () => {
    const told = new Told()
    const answered = Promise.withResolvers<void>()
    told.answer = () => answered.promise
    const runs = world().process({ runs: told.kinds() })
    const run = await runs.start({ kind: 'play' })
    told.puppet.last.end()
    await run.end
    await world().until(() => told.calls.length === 1)
    const closing = runs.close()
    await world().pass(3)
    answered.resolve()
    await closing
    expect(told.calls[0]?.signal.aborted).toBe(false)
    expect(await owed(world())).toEqual([])
  })

  it('is dropped with a run that is deleted', async () => {
    const told = new Told()
    await leave(world(), { ended: true })
    const runs = world().process({ runs: told.kinds() })
    expect(await runs.delete('left')).toBe(true)
    runs.open()
    await world().pass(20)
    expect(told.calls).toEqual([])
  })

  it('is given up when it failed for a day and twenty times, and not for a clock alone', async () => {
    const told = new Told()
    told.answer = () => {
      throw new Error('never')
    }
    const runs = world().process({ runs: told.kinds() })
    await leave(world(), { ended: true, epoch: -40, since: Date.now() }, 'young')
    await leave(world(), { ended: true, epoch: 1, since: Date.now() - 2 * DAY * 1000 }, 'seldom')
    await leave(world(), { ended: true, epoch: -40, since: Date.now() - 2 * DAY * 1000 }, 'old')
    await world().pass(0.1)
    runs.open()
    await world().passUntil(() => told.calls.length === 3, 1)
    await world().pass(0.1)
    const givenUp = world().logger.lines.filter(({ level }) => level === 'error')
    expect(givenUp).toMatchObject([
      { fields: { run: 'old' }, message: 'end of a run could not be handled and is given up' },
    ])
    const info = async (id: string): Promise<string> => (await world().store.head(id))?.incarnation ?? ''
    const owing: string[] = []
    for (const id of ['young', 'seldom', 'old']) {
      const lease = { stream: id, incarnation: await info(id) }
      // Whoever holds it, by its clock: a day is longer than any pause.
      await world().pass(1)
      owing.push((await world().store.leases.claim(lease, { holder: 'c', ttlMs: 1 })).outcome)
    }
    expect(owing).toEqual(['lost', 'claimed', 'lost'])
  })

  it('is told of no more runs at a time than there is room for', async () => {
    const told = new Told()
    const answered = Promise.withResolvers<void>()
    told.answer = () => answered.promise
    for (let n = 0; n < 130; n++) await leave(world(), { ended: true }, `left${n}`)
    world().process({ runs: told.kinds() }).open()
    await world().pass(5)
    expect(told.calls).toHaveLength(100)
    answered.resolve()
    await world().passUntil(() => told.calls.length === 130, 5)
    expect(await owed(world())).toEqual([])
  })
})

onEveryStore('what is left upstream of a run that was stopped', (world) => {
  /** A provider that does not end when its signal aborts, but when it is told to. */
  function stubborn() {
    const calls: { resumeFrom: Json | undefined; aborted: boolean; checkpoint: (value: Json) => void }[] = []
    const ended = Promise.withResolvers<void>()
    const provider = () =>
      async function* ({ resumeFrom, signal, checkpoint }: RunContext) {
        calls.push({ resumeFrom, aborted: signal.aborted, checkpoint })
        if (signal.aborted) return
        if (resumeFrom === undefined) yield 'begun'
        await ended.promise
      }
    const early = () =>
      async function* ({ resumeFrom, signal, checkpoint }: RunContext) {
        calls.push({ resumeFrom, aborted: signal.aborted, checkpoint })
        if (signal.aborted) return
        yield* []
        await ended.promise
      }
    return { calls, ended, provider, early }
  }

  it('is cancelled behind an end that comes in time, before the first word as well', async () => {
    const { calls, ended, early } = stubborn()
    const runs = world().process({ runs: { play: { run: asRun(early), resumable: true } } })
    const run = await runs.start({ kind: 'play' })
    await world().until(() => calls.length === 1)
    let end: RunEnd | undefined
    void runs.stop(run.id).then((its) => (end = its))
    expect(await world().passUntil(() => end, 10)).toBeLessThanOrEqual(5.1)
    expect(end).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual([{ end: STOPPED }])
    await world().pass(10)
    expect(calls).toHaveLength(1)
    ended.resolve()
    await world().pass(1)
    expect(await owed(world())).toEqual([])
    expect(calls).toHaveLength(1)
  })

  it('is cancelled by another process when the one that cancels dies', async () => {
    const { calls, provider } = stubborn()
    const kinds = { play: { run: asRun(provider), resumable: true } }
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    await world().until(() => calls.length === 1)
    calls[0]?.checkpoint({ response: 'r1' })
    let end: RunEnd | undefined
    void first.runs.stop(run.id).then((its) => (end = its))
    await world().passUntil(() => end, 10)
    first.kill()
    world().process({ runs: kinds }).open()
    await world().passUntil(() => calls.length === 2, 15)
    expect(calls[1]).toMatchObject({ resumeFrom: { response: 'r1' }, aborted: true })
    expect(await owed(world())).toEqual([])
    expect(calls).toHaveLength(2)
  })

  it('is cancelled by what its provider learnt of it once the run had ended', async () => {
    const { calls, early } = stubborn()
    const kinds = { play: { run: asRun(early), resumable: true } }
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    await world().until(() => calls.length === 1)
    let end: RunEnd | undefined
    void first.runs.stop(run.id).then((its) => (end = its))
    await world().passUntil(() => end, 10)
    calls[0]?.checkpoint({ response: 'late' })
    await world().until(() => first.hand.count('leases.settle') === 1)
    await world().pass(0.1)
    first.kill()
    world().process({ runs: kinds }).open()
    await world().passUntil(() => calls.length === 2, 15)
    expect(calls[1]).toMatchObject({ resumeFrom: { response: 'late' }, aborted: true })
  })

  it('is said to go on where nobody ever learnt what it was', async () => {
    const { calls, early } = stubborn()
    const kinds = { play: { run: asRun(early), resumable: true } }
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    await world().until(() => calls.length === 1)
    let end: RunEnd | undefined
    void first.runs.stop(run.id).then((its) => (end = its))
    await world().passUntil(() => end, 10)
    first.kill()
    world().process({ runs: kinds }).open()
    const words = 'upstream work of a run may continue: it is no longer known'
    await world().passUntil(() => world().logger.messages('warn').includes(words), 15)
    expect(await owed(world())).toEqual([])
    expect(calls).toHaveLength(1)
  })

  it('does not have its end told twice when it is cancelled by another process', async () => {
    const { calls, provider } = stubborn()
    const told = new Told()
    const kinds = told.kinds({ run: asRun(provider), resumable: true })
    const first = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    await world().until(() => calls.length === 1)
    calls[0]?.checkpoint(1)
    let end: RunEnd | undefined
    void first.runs.stop(run.id).then((its) => (end = its))
    await world().passUntil(() => end, 10)
    await world().until(() => first.hand.count('leases.settle') === 1)
    await world().pass(0.1)
    expect(told.ends).toEqual([[run.id, 'stopped']])
    first.kill()
    world().process({ runs: kinds }).open()
    await world().passUntil(() => calls.length === 2, 15)
    expect(await owed(world())).toEqual([])
    expect(told.calls).toHaveLength(1)
  })
})
