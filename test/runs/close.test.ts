import { expect, it } from 'vitest'
import { RunMovedError } from '../../src/providers/provider.ts'
import { END_REASONS } from '../../src/runs/end-reasons.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'

const CLOSED = { name: 'RunError', code: 'runs_closed' }
const INTERRUPTED = { reason: 'interrupted', ...END_REASONS.interrupted }

onEveryStore('close', (world) => {
  it('leaves a run of a resumable kind to another process, which goes on at once', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().process({ runs: kinds })
    const second = world().process({ runs: kinds })
    second.open()
    // So that it has a mailbox.
    await second.stop((await second.start({}, puppet.provider)).id)
    const run = await first.start({ kind: 'play' })
    puppet.last.checkpoint(1, 'a')
    await world().until(async () => (await world().store.head(run.id))?.tail.position === 1)
    await world().close(first)
    const left = puppet.calls[1]!
    expect(left.context.signal.reason).toBeInstanceOf(RunMovedError)
    expect(left.ended).toBe(true)
    await expect(run.end).rejects.toMatchObject(CLOSED)
    expect((await world().store.head(run.id))?.closed).toBe(false)
    // Far sooner than the next look, let alone the end of the lease.
    await world().passUntil(() => puppet.calls.length === 3, 0.2)
    expect(puppet.last.context.resumeFrom).toBe(1)
    puppet.last.yield('b')
    puppet.last.end()
    await world().until(async () => (await world().store.head(run.id))?.closed)
    expect(await world().records(run.id)).toEqual(['a', 'b', { end: { status: 'completed' } }])
  })

  it('leaves a run to the process that is started next', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().process({ runs: kinds })
    await first.start({ kind: 'play' })
    await world().close(first)
    const second = world().process({ runs: kinds })
    second.open()
    await world().until(() => puppet.calls.length === 2)
    expect([first.active, second.active]).toEqual([0, 1])
  })

  it.each(['on its way to the store', 'on its way back'])(
    'leaves a lease free, though a renewal is still %s',
    async (where) => {
      const puppet = new PuppetProvider()
      const { runs, hand } = world().mortal({
        runs: { play: { run: puppet.run, resumable: true } },
      })
      const run = await runs.start({ kind: 'play' })
      const held = Promise.withResolvers<void>()
      hand.around = async (method, call) => {
        if (method !== 'leases.renew' || hand.count(method) > 1) return call()
        if (where === 'on its way to the store') await held.promise
        const result = await call()
        await held.promise
        return result
      }
      await world().passUntil(() => hand.count('leases.renew') === 1, 5)
      const closing = runs.close()
      await world().pass(1)
      held.resolve()
      await world().passUntil(() => runs.active === 0, 1)
      await world().pass(0.1)
      await closing
      expect((await world().store.leases.expired()).map(({ stream }) => stream)).toEqual([run.id])
    },
  )

  it('renews a lease until the provider has ended, and not while it is handed over', async () => {
    const { runs, hand } = world().mortal({
      stopTimeout: 60,
      runs: {
        play: {
          resumable: true,
          async *run() {
            await new Promise((resolve) => setTimeout(resolve, 20_000))
            yield* []
          },
        },
      },
    })
    const run = await runs.start({ kind: 'play' })
    const held = Promise.withResolvers<void>()
    hand.around = async (method, call) => {
      const result = await call()
      if (method === 'leases.handOver') await held.promise
      return result
    }
    const closing = runs.close()
    await world().pass(19)
    expect(await world().store.leases.expired()).toEqual([])
    await world().pass(10)
    expect((await world().store.leases.expired()).map(({ stream }) => stream)).toEqual([run.id])
    held.resolve()
    await world().pass(0.1)
    await closing
  })

  it('is no death of a run, however often its processes are closed', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    let runs = world().process({ runs: kinds })
    const { id } = await runs.start({ kind: 'play' })
    for (let restart = 1; restart <= 8; restart++) {
      await world().close(runs)
      runs = world().process({ runs: kinds })
      runs.open()
      await world().until(() => puppet.calls.length === 1 + restart)
    }
    puppet.last.yield('a thought at last')
    puppet.last.end()
    await world().until(async () => (await world().store.head(id))?.closed)
    expect((await runs.get(id))?.info).toMatchObject({ status: 'completed', attempt: 9 })
  })

  it('between the deaths of a run makes them no fewer', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    const { id } = await first.runs.start({ kind: 'play' })
    first.kill()
    for (let death = 2; death <= 5; death++) {
      const closed = world().process({ runs: kinds })
      closed.open()
      await world().passUntil(() => closed.active === 1, 15)
      await world().pass(0.1)
      await world().close(closed)
      const dies = world().mortal({ runs: kinds })
      dies.runs.open()
      await world().passUntil(() => dies.runs.active === 1, 15)
      await world().pass(0.1)
      dies.kill()
    }
    const last = world().process({ runs: kinds })
    last.open()
    await world().passUntil(async () => (await world().store.head(id))?.closed, 15)
    expect((await last.get(id))?.info).toMatchObject({ status: 'failed', reason: 'interrupted', attempt: 10 })
  })

  it('ends the others as interrupted, and keeps what came', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('part')
    await runs.close()
    expect(await run.end).toEqual(INTERRUPTED)
    expect(puppet.last.context.signal.reason).not.toBeInstanceOf(RunMovedError)
    expect(runs.active).toBe(0)
  })

  it('gives runs time to end by themselves', async () => {
    const runs = world().process()
    const quick = new PuppetProvider()
    const slow = new PuppetProvider()
    const [ends, lasts] = [await runs.start({}, quick.provider), await runs.start({}, slow.provider)]
    let closed = false
    void runs.close({ graceSeconds: 10 }).then(() => (closed = true))
    await world().pass(5)
    quick.last.end()
    await world().pass(4.9)
    expect(await ends.end).toEqual({ status: 'completed' })
    expect([closed, slow.last.ended]).toEqual([false, false])
    await world().pass(0.2)
    expect([closed, slow.last.ended]).toEqual([true, true])
    expect(await lasts.end).toEqual(INTERRUPTED)
  })

  it.each([-1, Number.NaN, 2_147_484, Number.POSITIVE_INFINITY])(
    'refuses to give runs %d seconds, and ends nothing',
    async (graceSeconds) => {
      const runs = world().process()
      const puppet = new PuppetProvider()
      const run = await runs.start({}, puppet.provider)
      expect(() => runs.close({ graceSeconds })).toThrow(/^graceSeconds is .* 0 to 2147483 seconds$/)
      puppet.last.end()
      expect(await run.end).toEqual({ status: 'completed' })
    },
  )

  it('gives runs all the time that it can', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    const closing = runs.close({ graceSeconds: 2_147_483 })
    await world().pass(60)
    puppet.last.end()
    await closing
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('waits no longer than the runs do', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    await runs.start({}, puppet.provider)
    let closed = false
    void runs.close({ graceSeconds: 10 }).then(() => (closed = true))
    await world().pass(1)
    puppet.last.end()
    await world().until(() => closed)
    expect(puppet.last.context.signal.aborted).toBe(false)
  })

  it('starts nothing more, and lets runs be stopped until the end', async () => {
    const runs = world().process({ runs: { play: { run: new PuppetProvider().run } } })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    const closing = runs.close({ graceSeconds: 10 })
    await expect(runs.start({}, puppet.provider)).rejects.toMatchObject(CLOSED)
    await expect(runs.retry(run.id)).rejects.toMatchObject(CLOSED)
    expect(await runs.stop(run.id)).toEqual({ status: 'stopped' })
    await closing
    for (const late of [runs.stop(run.id), runs.get(run.id), runs.list(), runs.latest('c')]) {
      await expect(late).rejects.toMatchObject(CLOSED)
    }
  })

  it('sees to a run that is being started', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    const starting = runs.start({ id: 'r' }, puppet.provider)
    const outcome = starting.then(
      (run) => run.end,
      (error: unknown) => error,
    )
    await runs.close()
    // It began before the end, or not at all.
    const known = await outcome
    if (known instanceof Error) expect(known).toMatchObject(CLOSED)
    else expect(known).toEqual(INTERRUPTED)
    expect((await world().store.head('r'))?.closed ?? true).toBe(true)
  })

  it('ends the waiting for runs of other processes', async () => {
    const owner = world().process()
    const runs = world().process()
    const run = await owner.start({}, new PuppetProvider().provider)
    const end = (await runs.get(run.id))?.end
    const stopping = world().process()
    await runs.close()
    await expect(end).rejects.toMatchObject(CLOSED)
    expect((await stopping.get(run.id))?.info.status).toBe('running')
  })

  it('is done once, leaves no timer and no mailbox, and leaves the store open', async () => {
    const { runs, hand } = world().mortal({ holder: 'me' })
    await runs.start({}, new PuppetProvider().provider)
    expect(await world().store.head('@control/me')).toBeDefined()
    const closing = runs.close()
    expect(runs.close()).toBe(closing)
    await closing
    expect(await world().store.head('@control/me')).toBeUndefined()
    const calls = hand.calls.length
    await world().pass(30)
    expect(hand.calls).toHaveLength(calls)
    expect((await world().store.create('open')).outcome).toBe('created')
  })

  it('watches its mailbox no longer, also where others cannot be told that it goes', async () => {
    const { runs, hand } = world().mortal({ holder: 'me' })
    await runs.start({}, new PuppetProvider().provider)
    hand.around = async (method, call) => {
      if (method === 'list') throw new StoreError('unavailable', 'no answer')
      return call()
    }
    await world().close(runs)
    expect(await world().store.head('@control/me')).toBeUndefined()
  })

  it('does not wait for a store that fails', async () => {
    const { runs, hand } = world().mortal({ storePatience: 3600 })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    run.end.catch(() => undefined)
    hand.around = async () => {
      throw new StoreError('unavailable', 'no answer')
    }
    puppet.last.yield('lost')
    await world().pass(1)
    await world().close(runs)
    expect(puppet.last.ended).toBe(true)
    expect(world().logger.messages('error')).toContain('records of a run could not be written')
  })

  it('of a process that did nothing does nothing', async () => {
    const { runs, hand } = world().mortal()
    await runs.close()
    expect(hand.calls).toEqual([])
  })
})
