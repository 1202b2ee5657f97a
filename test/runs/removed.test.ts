/** Runs whose stream is removed while they run: deleted, or past its time. */
import { expect, it } from 'vitest'
import { RunMovedError } from '../../src/providers/provider.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'

onEveryStore('a run that is removed while it runs', (world) => {
  it('ends as soon as its id is started again, and the new one goes on', async () => {
    const runs = world().process()
    const [first, second] = [new PuppetProvider(), new PuppetProvider()]
    const removed = await runs.start({ id: 'r' }, first.provider)
    await world().store.delete('r')
    const run = await runs.start({ id: 'r' }, second.provider)
    await world().until(() => first.last.ended)
    expect(first.last.context.signal.reason).not.toBeInstanceOf(RunMovedError)
    await expect(removed.end).rejects.toMatchObject({ code: 'run_gone' })
    await world().until(() => runs.active === 1)
    second.last.yield('whole')
    second.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    expect((await world().records('r'))[0]).toBe('whole')
    expect(runs.active).toBe(0)
  })

  it('is one of the runs of its process until its provider ended', async () => {
    const runs = world().process({ stopTimeout: 2 })
    const second = new PuppetProvider()
    const left = Promise.withResolvers<void>()
    await runs.start({ id: 'r' }, async function* () {
      yield 'deaf'
      await left.promise
    })
    await world().store.delete('r')
    await runs.start({ id: 'r' }, second.provider)
    expect(runs.active).toBe(2)
    await world().passUntil(() => runs.active === 1, 3)
    expect(second.last.ended).toBe(false)
    left.resolve()
  })

  it('ends within a third of a lease when its id is started in another process', async () => {
    const [one, other] = [world().process(), world().process()]
    const [first, second] = [new PuppetProvider(), new PuppetProvider()]
    await one.start({ id: 'r' }, first.provider)
    await world().store.delete('r')
    await other.start({ id: 'r' }, second.provider)
    await world().passUntil(() => first.last.ended, 3.4)
    expect(first.last.context.signal.reason).not.toBeInstanceOf(RunMovedError)
    await world().pass(30)
    expect(second.last.ended).toBe(false)
    expect([one.active, other.active]).toEqual([0, 1])
  })

  it('ends within a third of a lease when nobody starts its id again', async () => {
    const runs = world().process()
    const puppet = new PuppetProvider()
    await runs.start({ id: 'r' }, puppet.provider)
    await world().store.delete('r')
    await world().passUntil(() => puppet.last.ended, 3.4)
    expect(puppet.last.context.signal.reason).not.toBeInstanceOf(RunMovedError)
  })

  it('does not keep its process from taking over a later run of its id', async () => {
    const second = new PuppetProvider()
    const kinds = { play: { run: second.run, resumable: true } }
    const one = world().process({ runs: kinds, stopTimeout: 60 })
    const other = world().mortal({ runs: kinds })
    const left = Promise.withResolvers<void>()
    await one.start({ id: 'r' }, async function* () {
      yield 'deaf'
      await left.promise
    })
    await world().store.delete('r')
    await other.runs.start({ id: 'r', kind: 'play' })
    other.kill()
    await world().passUntil(() => second.calls.length === 2, 14)
    expect(second.last.ended).toBe(false)
    left.resolve()
  })

  it('is cancelled upstream by whoever is taking it over', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    await first.runs.start({ id: 'r', kind: 'play' })
    puppet.last.checkpoint('response-1', 'part')
    await world().until(async () => (await world().records('r')).length > 0)
    first.kill()
    const second = world().mortal({ runs: kinds })
    second.hand.around = async (method, call) => {
      if (method === 'append') await world().store.delete('r')
      return call()
    }
    second.runs.open()
    await world().passUntil(() => puppet.calls.length === 2, 14)
    const { signal, resumeFrom } = puppet.last.context
    expect(resumeFrom).toBe('response-1')
    expect(signal.reason).not.toBeInstanceOf(RunMovedError)
    expect(signal.aborted).toBe(true)
  })
})
