import fc from 'fast-check'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import type { RunProvider } from '../../../src/providers/provider.ts'
import { END_REASONS } from '../../../src/runs/end-reasons.ts'
import { PuppetProvider } from '../puppet.ts'
import { onEveryStore, useFakeTime, World } from '../world.ts'
import { asRun } from '../../support/as-run.ts'

const COMPLETED = { end: { status: 'completed' } }

onEveryStore('a run in its process', (world) => {
  it('asks its provider for no more than the store takes', async () => {
    const { runs, hand } = world().mortal({ highWaterMark: 1000 })
    let yielded = 0
    const thaw = Promise.withResolvers<void>()
    hand.around = async (method, call) => {
      if (method === 'append') await thaw.promise
      return call()
    }
    const run = await runs.start({}, async function* () {
      for (; yielded < 5000;) yield `${++yielded}`.padStart(8, '0')
    })
    for (let turns = 0; turns < 100; turns++) await turn()
    // One in flight, and 1,000 bytes of 10 each that wait.
    expect(yielded).toBe(101)
    thaw.resolve()
    await run.end
    expect(yielded).toBe(5000)
    // Page after page of a thousand.
    expect((await world().store.head(run.id))?.tail.position).toBe(5000)
  })

  it('is not silent while its provider waits for the store', async () => {
    const { runs, hand } = world().mortal({ highWaterMark: 1, limits: { silence: 5 } })
    const run = await runs.start({}, async function* () {
      yield 'a'
      yield 'b'
      yield 'c'
    })
    const thaw = hand.freeze()
    await world().pass(30)
    thaw()
    await world().pass(5)
    expect(await run.end).toEqual({ status: 'completed' })
  })

  it('takes several events into one append while the store is busy', async () => {
    const { runs, hand } = world().mortal()
    const run = await runs.start({}, async function* () {
      for (let n = 0; n < 1000; n++) yield n
    })
    await run.end
    const appends = hand.calls.filter(({ method, args }) => method === 'append' && args[0] === run.id)
    expect(appends.length).toBeLessThan(700)
    const records = (await world().records(run.id)).slice(0, 1000)
    expect(records).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  })

  it('gives its lease back with its end', async () => {
    const { runs, hand } = world().mortal()
    const run = await runs.start({}, async function* () {})
    await run.end
    expect(runs.active).toBe(0)
    await world().pass(20)
    expect(await world().store.leases.expired()).toEqual([])
    expect(hand.count('leases.renew')).toBe(0)
  })

  it('gives up when not even its end can be kept, and is ended by whoever comes later', async () => {
    const { runs, hand } = world().mortal({ storePatience: 5 })
    const puppet = new PuppetProvider()
    const run = await runs.start({}, puppet.provider)
    hand.around = async (method, call, args) => {
      if (method === 'append' && args[0] === run.id) throw new Error('the disk is broken')
      return call()
    }
    puppet.last.yield('lost')
    await world().until(() => runs.active === 0)
    expect(puppet.last.ended).toBe(true)
    const end = run.end
    hand.around = (_method, call) => call()
    await world().pass(13)
    expect(await end).toEqual({ reason: 'interrupted', ...END_REASONS.interrupted })
  })
})

describe('a run of a resumable kind', () => {
  it('has each of its events once, in order, wherever its processes die and whatever it checkpoints', async () => {
    useFakeTime()
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('memory' as const, 'sqlite' as const),
          fc.integer({ min: 1, max: 30 }),
          fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
          fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 4 }),
          async (kind, length, checkpoints, deaths) => {
            const world = new World(kind)
            let left = Number.POSITIVE_INFINITY
            const provider: RunProvider = async function* ({ resumeFrom, checkpoint }) {
              for (let n = Number(resumeFrom ?? 0); n < length; n++) {
                if (left-- <= 0) await new Promise(() => undefined)
                if (checkpoints[n]) checkpoint(n + 1)
                yield n
                if (n % 4 === 3) await turn()
              }
            }
            const kinds = { count: { run: asRun(() => provider), resumable: true } }
            let id: string | undefined
            for (const death of [...deaths, Number.POSITIVE_INFINITY]) {
              left = death
              const process = world.mortal({ runs: kinds })
              process.runs.open()
              id ??= (await process.runs.start({ id: 'r', kind: 'count' })).id
              const isLast = death === Number.POSITIVE_INFINITY
              const isOver = async (): Promise<boolean> =>
                (await world.store.head('r'))?.closed === true || (!isLast && left < 0)
              await world.passUntil(isOver, 15)
              // Also in the middle of an append.
              if (!isLast) process.kill()
            }
            const records = await world.records('r')
            await world.dispose()
            expect(records).toEqual([...Array.from({ length }, (_, n): Json => n), COMPLETED])
          },
        ),
        { numRuns: 25 },
      )
    } finally {
      vi.useRealTimers()
    }
  }, 60_000)
})
