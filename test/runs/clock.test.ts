/** Clocks that jump. Those of all processes of one machine, and of its store, are one. */
import { expect, it, vi } from 'vitest'
import type { RunProvider } from '../../src/providers/provider.ts'
import { RunMovedError } from '../../src/providers/provider.ts'
import { END_REASONS } from '../../src/runs/end-reasons.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'
import { asRun } from '../support/as-run.ts'

const HOUR = 3600
const COMPLETED = { end: { status: 'completed' } }
const INTERRUPTED = { end: { reason: 'interrupted', ...END_REASONS.interrupted } }
const kindOf = (provider: RunProvider) => ({ play: { run: asRun(() => provider), resumable: true } })

/** Moves the clock, and not the time that passes. */
function jump(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

onEveryStore('a clock that jumps', (world) => {
  it.each([HOUR, -HOUR])('by %i s ends no run that lives, and moves it nowhere', async (seconds) => {
    const puppet = new PuppetProvider()
    const [first, second] = [world().process(), world().process()]
    second.open()
    const run = await first.start({}, puppet.provider)
    puppet.last.yield('before')
    await world().pass(1)
    jump(seconds)
    puppet.last.yield('after')
    await world().pass(30)
    puppet.last.yield('much later')
    puppet.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['before', 'after', 'much later', COMPLETED])
    expect((await second.get(run.id))?.info.attempt).toBe(1)
    expect(puppet.calls).toHaveLength(1)
  })

  it.each([HOUR, -HOUR])(
    'by %i s delays the takeover of a run whose process died by one lease',
    async (seconds) => {
      const puppet = new PuppetProvider()
      const first = world().mortal({ runs: kindOf(puppet.provider) })
      const second = world().process({ runs: kindOf(puppet.provider) })
      second.open()
      const run = await first.runs.start({ kind: 'play' })
      puppet.last.checkpoint(1, 'a')
      await world().pass(1)
      first.kill()
      jump(seconds)
      expect(await world().passUntil(() => puppet.calls.length === 2, 30)).toBeLessThan(22.1)
      puppet.last.yield('b')
      puppet.last.end()
      await world().passUntil(async () => (await world().store.head(run.id))?.closed, 1)
      expect(await world().records(run.id)).toEqual(['a', 'b', COMPLETED])
    },
  )

  it('forward, where another process does not see it, fences the first: the run goes on there', async () => {
    const puppet = new PuppetProvider()
    const first = world().process({ runs: kindOf(puppet.provider) })
    const run = await first.start({ kind: 'play' })
    puppet.last.checkpoint(1, 'a')
    await world().pass(1)
    jump(HOUR)
    // One that begins only now cannot know of the jump.
    world()
      .process({ runs: kindOf(puppet.provider) })
      .open()
    await world().until(() => puppet.calls.length === 2)
    const [old, now] = puppet.calls
    old!.yield('lost')
    await world().passUntil(() => old!.context.signal.aborted, 5)
    expect(old!.context.signal.reason).toBeInstanceOf(RunMovedError)
    now!.yield('b')
    now!.end()
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 1)
    await world().pass(0.1)
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['a', 'b', COMPLETED])
  })

  it('forward, where another process does not see it, ends a run that nobody can continue, and keeps what came', async () => {
    const puppet = new PuppetProvider()
    const first = world().process()
    const run = await first.start({}, puppet.provider)
    puppet.last.yield('a')
    await world().pass(1)
    jump(HOUR)
    world().process().open()
    await world().passUntil(async () => (await world().store.head(run.id))?.closed, 1)
    await world().passUntil(() => puppet.last.ended, 5)
    await world().pass(0.1)
    expect(await run.end).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(await world().records(run.id)).toEqual(['a', INTERRUPTED])
  })

  it('forward past the retention, for a while, takes nothing of a run that goes on', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process({ retention: HOUR / 2 })
    const run = await runs.start({}, puppet.provider)
    puppet.last.yield('a')
    await world().pass(1)
    jump(HOUR)
    puppet.last.yield('b')
    await world().pass(1)
    expect(await world().store.sweep()).toBe(0)
    jump(-HOUR)
    puppet.last.yield('c')
    puppet.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    expect((await world().records(run.id)).slice(0, 3)).toEqual(['a', 'b', 'c'])
  })

  it.each([
    [HOUR, 2, 'life_exceeded'],
    [15, 40, undefined],
    [15, 50, 'life_exceeded'],
    [-HOUR, 54, undefined],
    [-HOUR, 64, 'life_exceeded'],
  ])('by %i s before a takeover counts for a life of 60 s: %i s later %s', async (seconds, later, reason) => {
    const puppet = new PuppetProvider()
    const options = { runs: kindOf(puppet.provider), limits: { life: 60 } }
    const first = world().process(options)
    const run = await first.start({ kind: 'play' })
    await world().close(first)
    jump(seconds)
    const second = world().process(options)
    second.open()
    const passed = await world().passUntil(() => puppet.calls.length === 2, 5)
    await world().pass(later - passed)
    const info = (await second.get(run.id))?.info
    expect([info?.attempt, info?.reason]).toEqual([2, reason])
  })

  it.each([HOUR / 12, HOUR, -HOUR])('by %i s keeps no run from being stopped elsewhere', async (seconds) => {
    const puppet = new PuppetProvider()
    const [first, second] = [world().process(), world().process()]
    second.open()
    const run = await first.start({}, puppet.provider)
    await world().pass(1)
    jump(seconds)
    // Until its lease is renewed: before, whoever stops it may take it.
    await world().pass(4)
    const stopping = second.stop(run.id)
    const passed = await world().passUntil(() => puppet.last.ended, 10)
    expect(passed).toBeLessThanOrEqual(0.2)
    await world().pass(0.1)
    expect(await stopping).toEqual({ status: 'stopped' })
    expect(await run.end).toEqual({ status: 'stopped' })
  })

  it.each([HOUR, -HOUR])(
    'by %i s ends no run for its length, its silence or want of readers',
    async (seconds) => {
      const puppet = new PuppetProvider()
      const limits = { life: 60, silence: 60 }
      const run = await world()
        .process({ limits, stopUnreadAfter: 60, readers: () => 0 })
        .start({}, puppet.provider)
      await world().pass(1)
      jump(seconds)
      await world().pass(30)
      puppet.last.end()
      expect(await run.end).toEqual({ status: 'completed' })
    },
  )
})
