import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Place } from '../../src/protocol/offset.ts'
import type { RunErrorCode } from '../../src/runs/errors.ts'
import { StoreError } from '../../src/streams/errors.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { PuppetProvider, throwing } from './puppet.ts'
import { onEveryStore } from './world.ts'

const STOPPED = { status: 'stopped' } as const
const LAST = { end: { status: 'stopped' } }

const refusedAs = (code: RunErrorCode): unknown => expect.objectContaining({ name: 'RunError', code })

async function holderOf(store: StreamStore, id: string): Promise<string> {
  const taken = await store.leases.acquire(id, { holder: 'nobody', ttlMs: 1 })
  return taken.outcome === 'held' ? taken.lease.holder : expect.fail(taken.outcome)
}

onEveryStore('stop', (world) => {
  it('aborts the signal of the provider in the very call', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    const stopping = runs.stop(run.id)
    await Promise.resolve()
    await Promise.resolve()
    await Promise.resolve()
    expect(puppet.last.context.signal.aborted).toBe(true)
    expect(await stopping).toEqual(STOPPED)
  })

  it('of one run stops no other that took its id since, here or elsewhere', async () => {
    const [here, elsewhere] = [world().process(), world().process()]
    const puppet = new PuppetProvider()
    const before = await here.start({ id: 'r' }, puppet.provider)
    const { incarnation } = before.info
    await world().store.delete('r')
    puppet.last.yield('for nobody')
    await world().until(() => puppet.last.context.signal.aborted)
    const since = await here.start({ id: 'r' }, puppet.provider)
    await expect(here.stop('r', { incarnation })).rejects.toEqual(refusedAs('run_gone'))
    await expect(elsewhere.stop('r', { incarnation })).rejects.toEqual(refusedAs('run_gone'))
    await world().store.append('@control/' + (await holderOf(world().store, 'r')), {
      records: [JSON.stringify({ stop: 'r', incarnation })],
    })
    puppet.last.yield('still there')
    await world().until(async () => (await world().records('r')).length === 1)
    expect(await here.stop('r', { incarnation: since.info.incarnation })).toEqual(STOPPED)
  })

  it('waits for the provider, and keeps what came until then', async () => {
    const runs = world().process()
    const cleanUp = Promise.withResolvers<void>()
    const run = await runs.start({}, async function* ({ signal }) {
      yield 'before'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      try {
        yield 'on the way'
        yield 'never asked for'
      } finally {
        await cleanUp.promise
      }
    })
    await world().until(async () => (await world().records(run.id)).length === 1)
    let end: unknown
    const stopping = runs.stop(run.id).then((known) => (end = known))
    await world().pass(1)
    expect(end).toBeUndefined()
    cleanUp.resolve()
    await stopping
    expect(end).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual(['before', 'on the way', LAST])
  })

  it('keeps everything that the store had not taken yet', async () => {
    const { runs, hand } = world().mortal()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    const thaw = hand.freeze()
    puppet.last.yield('a', 'b', 'c')
    await world().until(() => hand.count('append') === 1)
    const stopping = runs.stop(run.id)
    await turn()
    thaw()
    await stopping
    expect(await world().records(run.id)).toEqual(['a', 'b', 'c', LAST])
  })

  it('works before the first record', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    expect(await runs.stop(run.id)).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual([LAST])
    expect(puppet.last.ended).toBe(true)
  })

  it('works while the run is being started', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const starting = runs.start({ id: 'r' }, puppet.provider)
    const stopping = runs.stop('r')
    expect(await (await starting).end).toEqual(STOPPED)
    expect(await stopping).toEqual(STOPPED)
    expect(await world().records('r')).toEqual([LAST])
  })

  it('works twice, and at once', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    expect(await Promise.all([runs.stop(run.id), runs.stop(run.id)])).toEqual([STOPPED, STOPPED])
    expect(await runs.stop(run.id)).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual([LAST])
  })

  it('answers with the end of a run that has ended', async () => {
    const runs = world().process()
    const elsewhere = world().process()
    const completed = await runs.start({}, async function* () {})
    await completed.end
    expect(await runs.stop(completed.id)).toEqual({ status: 'completed' })
    expect(await elsewhere.stop(completed.id)).toEqual({ status: 'completed' })
    const failed = await runs.start({}, throwing(new Error('no')))
    const end = await failed.end
    expect(end.status).toBe('failed')
    expect(await elsewhere.stop(failed.id)).toEqual(end)
  })

  it('answers with the end that came first', async () => {
    const { runs, hand } = world().mortal()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    const thaw = hand.freeze()
    puppet.last.end()
    await world().until(() => hand.count('append') === 1)
    const stopping = runs.stop(run.id)
    await turn()
    thaw()
    expect(await stopping).toEqual({ status: 'completed' })
  })

  it('goes on without a provider that ignores its signal', async () => {
    const runs = world().process({ stopTimeout: 5 })
    const late = Promise.withResolvers<void>()
    let lateDone = false
    const run = await runs.start({}, async function* () {
      yield 'part'
      await late.promise
      lateDone = true
      yield 'too late'
    })
    await world().until(async () => (await world().records(run.id)).length === 1)
    let end: unknown
    void runs.stop(run.id).then((known) => (end = known))
    await world().pass(4.9)
    expect(end).toBeUndefined()
    await world().pass(0.2)
    expect(end).toEqual(STOPPED)
    late.resolve()
    await world().until(() => lateDone)
    expect(await world().records(run.id)).toEqual(['part', LAST])
    expect(world().logger.messages('warn')).toContain('provider did not end after its signal aborted')
  })

  it('ends a provider that ignores its signal and yields for ever at its next event', async () => {
    const runs = world().process()
    let returned = false
    const run = await runs.start({}, async function* () {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        returned = true
      }
    })
    await world().until(async () => (await world().records(run.id)).length > 300)
    expect(await runs.stop(run.id)).toEqual(STOPPED)
    expect(returned).toBe(true)
    let records = 0
    for (let place: Parameters<typeof page>[0] = 'start'; ;) {
      const read = await page(place)
      for (const record of read.records) expect(record).toBe(`${records++}`)
      if (read.closed) break
      place = read.next
    }
    expect(records).toBeGreaterThan(300)

    async function page(place: Place) {
      const read = await world().store.read(run.id, place)
      if (read.outcome !== 'page') throw new Error(read.outcome)
      return { ...read, records: read.records as readonly string[] }
    }
  })

  it('ends an iterator that knows no signal, through its return()', async () => {
    const runs = world().process()
    let returned = false
    const provider = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<never>(() => undefined),
        return: async () => {
          returned = true
          return { done: true as const, value: undefined }
        },
      }),
    })
    const run = await runs.start({}, provider)
    const stopping = runs.stop(run.id)
    await world().pass(6)
    expect(await stopping).toEqual(STOPPED)
    expect(returned).toBe(true)
  })

  it('reaches a run in another process', async () => {
    const owner = world().process()
    const elsewhere = world().process()
    const puppet = new PuppetProvider()
    const run = await owner.start({}, puppet.provider)
    puppet.last.yield('part')
    await world().until(async () => (await world().records(run.id)).length === 1)
    const stopping = elsewhere.stop(run.id)
    const seconds = await world().passUntil(() => puppet.last.context.signal.aborted, 1)
    // SQLite tells other processes within 20 ms.
    expect(seconds).toBeLessThanOrEqual(0.1)
    await world().pass(0.1)
    expect(await stopping).toEqual(STOPPED)
    expect(await run.end).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual(['part', LAST])
  })

  it('reaches the process even when its mailbox was lost meanwhile', async () => {
    const owner = world().process({ holder: 'owner' })
    const elsewhere = world().process()
    const puppet = new PuppetProvider()
    const run = await owner.start({}, puppet.provider)
    await world().store.delete('@control/owner')
    const stopping = elsewhere.stop(run.id)
    await world().pass(3)
    expect(await stopping).toEqual(STOPPED)
  })

  it('ends a run whose process died, once its lease is over', async () => {
    const { runs, kill } = world().mortal()
    const elsewhere = world().mortal()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('part')
    await world().until(async () => (await world().records(run.id)).length === 1)
    kill()
    let end: unknown
    void elsewhere.runs.stop(run.id).then((known) => (end = known))
    const seconds = await world().passUntil(() => end, 15)
    expect(seconds).toBeGreaterThan(6)
    expect(end).toEqual(STOPPED)
    expect(elsewhere.hand.count('watch')).toBe(1)
    expect(await world().records(run.id)).toEqual(['part', LAST])
  })

  it('survives a takeover: whoever goes on with the run is asked as well', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    const second = world().process({ runs: kinds })
    const third = world().mortal({ holder: 'third' })
    const run = await first.runs.start({ kind: 'play' })
    first.kill()
    second.open()
    const stopping = third.runs.stop(run.id)
    // It is kept from taking the run over itself.
    third.hand.around = async (method, call) => {
      if (method !== 'leases.acquire') return call()
      await world().until(() => puppet.calls.length === 2)
      return call()
    }
    await world().passUntil(() => puppet.calls.length === 2, 15)
    await world().pass(5)
    expect(await stopping).toEqual(STOPPED)
    expect(puppet.last.context.signal.aborted).toBe(true)
    expect(await world().records(run.id)).toEqual([LAST])
  })

  it('keeps what its provider says to it in one step with the end', async () => {
    const { runs, hand } = world().mortal()
    const run = await runs.start({}, async function* ({ signal }) {
      yield 'part'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      yield 'stopped here'
    })
    await world().until(async () => (await world().records(run.id)).length === 1)
    expect(await runs.stop(run.id)).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual(['part', 'stopped here', LAST])
    const appends = hand.calls.filter(({ method, args }) => method === 'append' && args[0] === run.id)
    expect(appends).toHaveLength(2)
  })

  it('holds when its own process finds that the one that worked on the run has died', async () => {
    const first = world().mortal()
    const second = world().mortal()
    const run = await first.runs.start({}, new PuppetProvider().provider)
    first.kill()
    second.runs.open()
    // The look comes first: what waits for the stop is kept from taking the run itself.
    const { incarnation } = (await world().store.head(run.id)) ?? {}
    const stopping = second.runs.stop(run.id)
    let looked = false
    second.hand.around = async (method, call, args) => {
      if (method === 'leases.expired') looked = ((await call()) as readonly unknown[]).length > 0
      else if (method === 'leases.acquire' && !looked)
        return { outcome: 'held', lease: { holder: 'first', stream: args[0], incarnation } }
      return call()
    }
    await world().pass(15)
    expect(await stopping).toEqual(STOPPED)
    expect(world().logger.messages('info')).toContain('run taken over')
    expect(await world().records(run.id)).toEqual([LAST])
  })

  it('in the middle of a takeover in its own process ends the run before it goes on', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    const second = world().mortal({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.yield('part')
    await world().until(async () => (await world().records(run.id)).length === 1)
    first.kill()
    second.runs.open()
    // Its lease is taken, and before its provider is called the stop arrives.
    const acquired = Promise.withResolvers<void>()
    const stopped = Promise.withResolvers<void>()
    second.hand.around = async (method, call) => {
      const result = await call()
      if (method === 'leases.acquire') {
        acquired.resolve()
        await stopped.promise
      }
      return result
    }
    let isAcquired = false
    void acquired.promise.then(() => (isAcquired = true))
    await world().passUntil(() => isAcquired, 15)
    const stopping = second.runs.stop(run.id)
    await turn()
    stopped.resolve()
    await world().pass(3)
    expect(await stopping).toEqual(STOPPED)
    expect(puppet.calls).toHaveLength(1)
    expect(await world().records(run.id)).toEqual(['part', LAST])
  })

  it('of a run that died ends upstream what its checkpoint names', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    const second = world().process({ runs: kinds })
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.checkpoint({ response: 'resp_1' }, 'part')
    await world().until(async () => (await world().records(run.id)).length === 1)
    first.kill()
    await world().pass(10)
    expect(await second.stop(run.id)).toEqual(STOPPED)
    expect(puppet.calls).toHaveLength(2)
    expect(puppet.last.context.resumeFrom).toEqual({ response: 'resp_1' })
    expect(puppet.last.context.signal.aborted).toBe(true)
    expect(puppet.last.ended).toBe(true)
    expect(await world().records(run.id)).toEqual(['part', LAST])
  })

  it('of a run that died says that what its checkpoint names goes on where its kind is not known', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: { play: { run: puppet.run, resumable: true } } })
    const second = world().process()
    const run = await first.runs.start({ kind: 'play' })
    puppet.last.checkpoint({ response: 'resp_1' }, 'part')
    await world().until(async () => (await world().records(run.id)).length === 1)
    first.kill()
    await world().pass(10)
    expect(await second.stop(run.id)).toEqual(STOPPED)
    expect(puppet.calls).toHaveLength(1)
    expect(await world().records(run.id)).toEqual(['part', LAST])
    const told = world().logger.lines.find(({ message }) => message.includes('upstream'))
    expect(told).toMatchObject({ level: 'warn', fields: { run: run.id } })
  })

  it.each(['nobody', '', '@control/x', 'plain'])('does not find %j', async (id) => {
    const runs = world().process()
    await world().store.create('plain', { records: ['1'] })
    await expect(runs.stop(id)).rejects.toEqual(refusedAs('run_not_found'))
    expect((await world().store.head('plain'))?.closed).toBe(false)
  })

  it('can be waited for no longer, and still happens', async () => {
    const owner = world().process({ stopTimeout: 60 })
    const elsewhere = world().process()
    const release = Promise.withResolvers<void>()
    const run = await owner.start({}, async function* () {
      yield await release.promise.then(() => 'late')
    })
    const reason = new Error('the caller left')
    const waiting = new AbortController()
    const stopping = elsewhere.stop(run.id, { signal: waiting.signal })
    await world().pass(1)
    waiting.abort(reason)
    await expect(stopping).rejects.toBe(reason)
    release.resolve()
    await world().pass(0.1)
    expect(await run.end).toEqual(STOPPED)
  })

  it('of a run that is deleted meanwhile says so', async () => {
    const owner = world().mortal()
    const elsewhere = world().process()
    const run = await owner.runs.start({}, new PuppetProvider().provider)
    owner.kill()
    const stopping = elsewhere.stop(run.id)
    stopping.catch(() => undefined)
    await world().pass(1)
    await world().store.delete(run.id)
    await world().pass(0.1)
    await expect(stopping).rejects.toEqual(refusedAs('run_gone'))
  })

  it('rejects as the store does', async () => {
    const { runs, hand } = world().mortal()
    const error = new StoreError('unavailable', 'no answer')
    hand.around = async () => {
      throw error
    }
    await expect(runs.stop('somebody')).rejects.toBe(error)
  })
})
