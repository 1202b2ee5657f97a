/** Schemas of inputs, which are the application's: they may hang, and they may throw. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { z } from 'zod'
import type { Json } from '../../src/protocol/json.ts'
import { run } from '../../src/runs/definition.ts'
import { END_REASONS } from '../../src/runs/end-reasons.ts'
import { onEveryStore } from './world.ts'

type Validate = StandardSchemaV1<Json, Json>['~standard']['validate']

/** A kind whose schema is this function. */
function checkedBy(validate: Validate) {
  const input: StandardSchemaV1<Json, Json> = { '~standard': { version: 1, vendor: 'test', validate } }
  return run({
    input,
    resumable: true,
    async *run(input) {
      yield input
    },
  })
}

const hangs: Validate = () => new Promise(() => {})
const foreign: Validate = () => runInNewContext('new Promise(() => {})') as Promise<never>
const throws: Validate = () => {
  throw new Error('password of the database')
}
const rejects: Validate = () => Promise.reject(new Error('password of the database'))

onEveryStore('an input', (world) => {
  it.each([
    ['never settles', hangs],
    ['never settles, and is a promise of another realm', foreign],
  ])('is undecided after 5 s, when the answer of its schema %s', async (_what, validate) => {
    const runs = world().process({ runs: { play: checkedBy(validate) } })
    let error: unknown
    const started = runs.start({ kind: 'play', input: 1 }).catch((reason: unknown) => (error = reason))
    expect(await world().passUntil(() => error !== undefined, 10)).toBeCloseTo(5, 1)
    expect(error).toMatchObject({ code: 'input_undecided' })
    await started
    expect((await runs.list()).runs).toEqual([])
  })

  it('is awaited by a stop that comes while it is checked', async () => {
    const checked = Promise.withResolvers<{ value: Json }>()
    const runs = world().process({ runs: { play: checkedBy(() => checked.promise) } })
    const starting = runs.start({ id: 'r', kind: 'play', input: 1 })
    const stopping = runs.stop('r')
    checked.resolve({ value: 1 })
    await starting
    expect(['stopped', 'completed']).toContain((await stopping).status)
    await expect(runs.stop('never started')).rejects.toMatchObject({ code: 'run_not_found' })
  })

  it('holds up no shutdown while its schema hangs', async () => {
    const runs = world().process({ runs: { play: checkedBy(hangs) } })
    const started = runs.start({ kind: 'play', input: 1 })
    await Promise.all([expect(started).rejects.toMatchObject({ code: 'runs_closed' }), world().close(runs)])
  })

  it.each([
    ['throws', throws],
    ['rejects', rejects],
    ['never settles', hangs],
  ])('whose schema %s at a takeover ends its run, and shows nothing secret', async (_what, validate) => {
    const { promise: dead } = Promise.withResolvers<void>()
    const waits = run({
      resumable: true,
      async *run(input) {
        yield input
        await dead
      },
    })
    const first = world().mortal({ runs: { play: waits } })
    const second = world().process({ runs: { play: checkedBy(validate) } })
    second.open()
    const { id } = await first.runs.start({ kind: 'play', input: 1 })
    await world().until(async () => (await world().store.head(id))?.tail.position === 1)
    first.kill()
    await world().passUntil(async () => (await world().store.head(id))?.closed, 30)
    const end = { reason: 'provider_failed', ...END_REASONS.provider_failed }
    expect(await world().records(id)).toEqual([1, { end }])
    const told = world().logger.lines.filter(({ message }) => message === 'run failed')
    expect(told).toEqual([expect.objectContaining({ level: 'warn' })])
  })

  it('that was left out is null, and undefined for a schema that refuses that', async () => {
    const seen: unknown[] = []
    const kindOf = (input: StandardSchemaV1<unknown, unknown>) =>
      run({
        input,
        async *run(value) {
          yield seen.push(value)
        },
      })
    const runs = world().process({
      runs: {
        none: kindOf(z.undefined()),
        some: kindOf(z.object({ n: z.number() }).optional()),
        nullish: kindOf(z.string().nullish()),
        needed: kindOf(z.string()),
      },
    })
    for (const kind of ['none', 'some', 'nullish']) await (await runs.start({ kind })).end
    expect(seen).toEqual([undefined, undefined, null])
    await expect(runs.start({ kind: 'needed' })).rejects.toMatchObject({
      code: 'invalid_input',
      issues: [{ message: 'Invalid input: expected string, received null' }],
    })
  })
})
