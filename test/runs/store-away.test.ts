/** A store that is away for a while: nobody can renew then, and nobody can look. */
import { expect, it } from 'vitest'
import type { RunProvider } from '../../src/providers/provider.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { PuppetProvider } from './puppet.ts'
import { onEveryStore } from './world.ts'
import type { Mortal } from './world.ts'
import { asRun } from '../support/as-run.ts'

const COMPLETED = { end: { status: 'completed' } }
const LEASE = 10
const LOOK = LEASE / 5
const kindOf = (provider: RunProvider) => ({ play: { run: asRun(() => provider), resumable: true } })

/** For these processes; the returned function brings it back. */
function away(...processes: readonly Mortal[]): () => void {
  for (const { hand } of processes) {
    hand.around = async () => {
      throw new StoreError('unavailable', 'no answer')
    }
  }
  return () => {
    for (const { hand } of processes) hand.around = (_method, call) => call()
  }
}

onEveryStore('a store that is away', (world) => {
  // In some of them the look of the other process comes before the next renewal.
  it.each([6, 8, 9, 11, 14, 17, 25])('for %i s moves and ends no run that lives', async (seconds) => {
    const puppet = new PuppetProvider()
    const [first, second] = [world().mortal(), world().mortal()]
    second.runs.open()
    const run = await first.runs.start({}, puppet.provider)
    puppet.last.yield('before')
    await world().pass(3.5)
    const back = away(first, second)
    puppet.last.yield('meanwhile')
    await world().pass(seconds)
    back()
    await world().pass(30)
    puppet.last.yield('after')
    puppet.last.end()
    await world().pass(2)
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['before', 'meanwhile', 'after', COMPLETED])
    expect((await second.runs.get(run.id))?.info.attempt).toBe(1)
  })

  it('as a process begins moves and ends no run that lives', async () => {
    const puppet = new PuppetProvider()
    const [first, second] = [world().mortal(), world().mortal()]
    const run = await first.runs.start({}, puppet.provider)
    await world().pass(1)
    const back = away(first, second)
    await world().pass(LEASE - 1)
    second.runs.open()
    await world().pass(LOOK / 2)
    back()
    await world().pass(30)
    puppet.last.end()
    await world().pass(2)
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('delays the takeover of a run whose process died by one lease', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const [first, second] = [world().mortal({ runs: kinds }), world().mortal({ runs: kinds })]
    second.runs.open()
    await first.runs.start({ kind: 'play' })
    first.kill()
    const back = away(second)
    await world().pass(20)
    back()
    const seconds = await world().passUntil(() => puppet.calls.length === 2, 30)
    expect(seconds).toBeGreaterThan(LEASE - 0.1)
    expect(seconds).toBeLessThanOrEqual(LEASE + 2 * LOOK)
  })

  it('for less than half a lease delays no takeover', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const [first, second] = [world().mortal({ runs: kinds }), world().mortal({ runs: kinds })]
    second.runs.open()
    await first.runs.start({ kind: 'play' })
    first.kill()
    await world().pass(5)
    const back = away(second)
    await world().pass(2.5)
    back()
    expect(await world().passUntil(() => puppet.calls.length === 2, 15)).toBeLessThanOrEqual(4.6)
  })

  it('is not for ever one that answers each look late', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const [first, second] = [world().mortal({ runs: kinds }), world().mortal({ runs: kinds })]
    second.hand.around = async (method, call) => {
      const answer = await call()
      if (method === 'leases.expired')
        await new Promise((resolve) => setTimeout(resolve, 0.45 * LEASE * 1000))
      return answer
    }
    second.runs.open()
    await first.runs.start({ kind: 'play' })
    first.kill()
    expect(await world().passUntil(() => puppet.calls.length === 2, 60)).toBeLessThanOrEqual(4 * LEASE)
  })

  it('is not one that fails with a single run', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet.provider)
    const [first, second] = [world().mortal({ runs: kinds }), world().mortal({ runs: kinds })]
    second.hand.around = async (method, call, [id]) => {
      if (method === 'leases.acquire' && id === 'damaged') throw new StoreError('corrupt', 'damaged')
      return call()
    }
    second.runs.open()
    await first.runs.start({ id: 'damaged', kind: 'play' })
    await first.runs.start({ id: 'whole', kind: 'play' })
    first.kill()
    expect(await world().passUntil(() => puppet.calls.length === 3, 15)).toBeLessThanOrEqual(12.1)
    expect(puppet.last.context.runId).toBe('whole')
  })
})
