/** The last words of a run: what its kind adds in the step that ends it. */
import { expect, it } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import type { RunEnd } from '../../../src/protocol/run-end.ts'
import { END_REASONS, RunFailedError } from '../../../src/runs/end-reasons.ts'
import type { RunDefinition } from '../../../src/runs/definition.ts'
import { PuppetProvider } from '../puppet.ts'
import { onEveryStore } from '../world.ts'

const closing = (end: RunEnd): Json[] => [{ type: 'usage' }, { type: 'finish', ...end }]
const lastWords = (end: RunEnd): Json[] => [...closing(end), { end: { ...end } }]
const STOPPED = { status: 'stopped' } as const
const INTERRUPTED = { reason: 'interrupted', ...END_REASONS.interrupted } as const

function kindOf(
  puppet: PuppetProvider,
  kind: Partial<RunDefinition> = { closing },
): Record<string, RunDefinition> {
  return { play: { run: puppet.run, ...kind } }
}

onEveryStore('the closing records of a kind', (world) => {
  it('come behind what its provider yielded, in the step that ends the run', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal({ runs: kindOf(puppet) })
    const run = await runs.start({ kind: 'play' })
    const closes: unknown[] = []
    hand.around = (method, call, [, request]) => {
      if (method === 'append' && (request as { close?: boolean }).close) closes.push(request)
      return call()
    }
    puppet.last.yield('a')
    puppet.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['a', ...lastWords({ status: 'completed' })])
    const texts = closing({ status: 'completed' }).map((record) => JSON.stringify(record))
    expect(closes).toEqual([
      expect.objectContaining({
        records: expect.arrayContaining(texts) as unknown,
        end: { status: 'completed' },
      }),
    ])
  })

  it('say how it failed, or that somebody stopped it', async () => {
    const puppet = new PuppetProvider()
    const runs = world().process({ runs: kindOf(puppet) })
    const failed = await runs.start({ kind: 'play' })
    puppet.last.throw(new RunFailedError('out_of_credits', 'Your credits are used up.'))
    const end = { status: 'failed', reason: 'out_of_credits', message: 'Your credits are used up.' } as const
    expect(await failed.end).toEqual(end)
    expect(await world().records(failed.id)).toEqual(lastWords(end))
    const stopped = await runs.start({ kind: 'play' })
    expect(await runs.stop(stopped.id)).toEqual(STOPPED)
    expect(await world().records(stopped.id)).toEqual(lastWords(STOPPED))
  })

  it('are written by whoever ends a run whose process died', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet) })
    const second = world().process({ runs: kindOf(puppet) })
    const [stopped, interrupted] = [
      await first.runs.start({ kind: 'play' }),
      await first.runs.start({ kind: 'play' }),
    ]
    first.kill()
    await world().pass(10)
    expect(await second.stop(stopped.id)).toEqual(STOPPED)
    expect(await world().records(stopped.id)).toEqual(lastWords(STOPPED))
    second.open()
    await world().passUntil(async () => (await world().store.head(interrupted.id))?.closed, 15)
    expect(await world().records(interrupted.id)).toEqual(lastWords(INTERRUPTED))
    expect((await second.get(interrupted.id))?.info).toMatchObject({ attempt: 2, ...INTERRUPTED })
  })

  it('change nothing of the end, whatever their kind does to what it was given', async () => {
    const puppet = new PuppetProvider()
    const kinds = kindOf(puppet, { closing: (end) => [Object.assign(end, { message: 'Bye' }) as never] })
    const runs = world().process({ runs: kinds })
    for (const id of ['first', 'second']) {
      await runs.start({ id, kind: 'play' })
      expect(await runs.stop(id)).toEqual(STOPPED)
      expect(await world().records(id)).toEqual([{ ...STOPPED, message: 'Bye' }, { end: STOPPED }])
    }
  })

  it('are left out by a process that does not know the kind', async () => {
    const puppet = new PuppetProvider()
    const first = world().mortal({ runs: kindOf(puppet) })
    const run = await first.runs.start({ kind: 'play' })
    first.kill()
    await world().pass(10)
    expect(await world().process().stop(run.id)).toEqual(STOPPED)
    expect(await world().records(run.id)).toEqual([{ end: STOPPED }])
  })

  it.each<[string, NonNullable<RunDefinition['closing']>]>([
    ['throws', () => JSON.parse('no JSON') as never],
    ['gives what is no JSON', () => [1, undefined as never]],
    ['gives what JSON cannot carry', () => [1n as never]],
    ['gives no list', () => 7 as never],
    ['is async', () => Promise.resolve([]) as never],
    ['gives a record larger than may be', () => ['x'.repeat(8 * 1024 * 1024)]],
    ['gives more than an append may hold', () => Array.from({ length: 1001 }, () => 1)],
    [
      'gives more bytes than an append may hold',
      () => Array.from({ length: 3 }, () => 'x'.repeat(7 * 1024 * 1024)),
    ],
  ])('are logged and left out where it %s, and the run ends', async (_what, faulty) => {
    const puppet = new PuppetProvider()
    const run = await world()
      .process({ runs: kindOf(puppet, { closing: faulty }) })
      .start({ kind: 'play' })
    puppet.last.yield('a')
    puppet.last.end()
    expect(await run.end).toEqual({ status: 'completed' })
    expect(await world().records(run.id)).toEqual(['a', { end: { status: 'completed' } }])
    expect(world().logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'closing records of a run could not be made' }),
    )
  })

  it('stand for the run as it ended, when what it yielded last is lost', async () => {
    const puppet = new PuppetProvider()
    const { runs, hand } = world().mortal({ runs: kindOf(puppet) })
    const run = await runs.start({ kind: 'play' })
    hand.around = (method, call, [, request]) => {
      const { records = [] } = (method === 'append' ? request : {}) as { records?: readonly string[] }
      return records.includes('"lost"') ? Promise.reject(new Error('a fault')) : call()
    }
    puppet.last.yield('lost')
    puppet.last.end()
    const end = { reason: 'store', ...END_REASONS.store } as const
    expect(await run.end).toEqual(end)
    expect(await world().records(run.id)).toEqual(lastWords(end))
  })
})
