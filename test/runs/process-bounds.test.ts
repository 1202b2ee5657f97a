/** What a process takes on: how many runs of others, and none while it shuts down. */
import { expect, it } from 'vitest'
import type { RunDefinition } from '../../src/runs/definition.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'

onEveryStore('a process', (world) => {
  it('takes over as many runs as fit into twice its limit, and the others once there is room', async () => {
    const puppet = new PuppetProvider()
    const kinds = { play: { run: puppet.run, resumable: true } }
    const first = world().mortal({ runs: kinds })
    await Promise.all(Array.from({ length: 6 }, () => first.runs.start({ kind: 'play' })))
    const lost = await first.runs.start({ id: 'lost' }, puppet.provider)
    first.kill()
    const second = world().process({ runs: kinds, limits: { runsPerProcess: 2 } })
    second.open()
    await world().passUntil(async () => (await world().store.head(lost.id))?.closed, 15)
    await world().passUntil(() => second.active === 4, 4)
    await world().pass(5)
    expect(second.active).toBe(4)
    expect(world().logger.messages('warn')).toContain(
      'runs wait to be taken over: this process has reached its limit of runs',
    )
    await expect(second.start({ kind: 'play' })).rejects.toMatchObject({ code: 'process_full' })
    const resumed = puppet.calls.slice(7)
    expect(resumed).toHaveLength(4)
    for (const call of resumed) call.end()
    await world().passUntil(() => puppet.calls.length === 13, 15)
    await world().passUntil(() => second.active === 2, 5)
  })

  it('that shuts down takes no run of a dead process to stop it', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal()
    const run = await first.runs.start({}, puppet.provider)
    first.kill()
    await world().pass(10)
    const second = world().mortal()
    const held = Promise.withResolvers<void>()
    let isTaking = false
    second.hand.around = async (method, call) => {
      if (method === 'leases.acquire') {
        isTaking = true
        await held.promise
      }
      return call()
    }
    const stopping = second.runs.stop(run.id).catch((error: unknown) => error)
    await world().until(() => isTaking)
    let closed = false
    const closing = second.runs.close().then(() => (closed = true))
    await world().pass(1)
    // The lease may be this process's already: what comes of it is waited for.
    expect(closed).toBe(false)
    held.resolve()
    await world().passUntil(() => closed, 10)
    await closing
    expect(second.runs.active).toBe(0)
    expect(await world().store.head(run.id)).toMatchObject({ closed: true })
    await stopping
  })

  it.each([
    ['until it is done', true],
    ['as long as a provider has to end', false],
  ])('that shuts down waits for what was left behind to cancel upstream, %s', async (_how, isDone) => {
    const runs = world().process({ stopTimeout: 2 })
    const cancelled = Promise.withResolvers<void>()
    const run = await runs.start({}, async function* ({ signal }) {
      yield 'part'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await cancelled.promise
    })
    await world().until(async () => (await world().records(run.id)).length > 0)
    const stopping = runs.stop(run.id)
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 2.5)
    expect(await stopping).toEqual({ status: 'stopped' })
    expect(runs.active).toBe(0)
    let closed = false
    const closing = runs.close().then(() => (closed = true))
    await world().pass(1)
    expect(closed).toBe(false)
    if (isDone) cancelled.resolve()
    await world().passUntil(() => closed, isDone ? 0.2 : 1.5)
    await closing
    cancelled.resolve()
  })

  it('that shuts down waits for what an earlier attempt still cancels upstream', async () => {
    const cancelled = Promise.withResolvers<void>()
    let calls = 0
    const kinds: Record<string, RunDefinition> = {
      play: {
        resumable: true,
        newAttempt: () => ['again'],
        async *run(_input, { signal }) {
          const call = ++calls
          try {
            yield call
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          } finally {
            if (call === 2) await cancelled.promise
          }
        },
      },
    }
    const first = world().mortal({ runs: kinds })
    const { id } = await first.runs.start({ kind: 'play' })
    await world().until(async () => (await world().records(id)).length > 0)
    first.kill()
    const second = world().process({ runs: kinds, stopTimeout: 2 })
    second.open()
    await world().passUntil(() => calls === 3, 17)
    let closed = false
    const closing = second.close().then(() => (closed = true))
    await world().pass(1)
    expect(closed).toBe(false)
    cancelled.resolve()
    await world().passUntil(() => closed, 0.5)
    await closing
  })
})
