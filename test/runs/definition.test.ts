/** What JavaScript may give for a definition of runs, and what its types forbid. */
import { expect, it, onTestFinished } from 'vitest'
import { type RunDefinition, run } from '../../src/runs/definition.ts'
import { Runs } from '../../src/runs/runs.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { RecordingLogger } from './recording-logger.ts'

const NO_SCHEMA = 'has an input that is no Standard Schema: give one of zod, valibot or arktype, for example'

async function* numbers(): AsyncGenerator<number> {
  yield 1
}

function runsOf(definition: unknown, logger = new RecordingLogger()): Runs {
  const runs = new Runs({ store: memory(), logger, runs: { answer: definition as RunDefinition } })
  onTestFinished(() => runs.close({ graceSeconds: 0 }))
  return runs
}

/** A Standard Schema that is written by hand. */
function schema(validate: (value: unknown) => unknown): RunDefinition['input'] {
  return { '~standard': { version: 1, vendor: 'test', validate } } as never
}

it.each<[what: string, definition: unknown, message: string]>([
  ['a generator', numbers, 'is a function, not a definition: write run({ … })'],
  ['nothing', undefined, 'is undefined, not a definition: write run({ … })'],
  ['an object without run', {}, 'has no function run: write async *run(input, context) { … }'],
  ['a JSON schema as its input', { input: { type: 'object' }, run: numbers }, NO_SCHEMA],
  ['a validator as its input', { input: { parse: JSON.parse }, run: numbers }, NO_SCHEMA],
])('%s is refused where the runs are given', (_what, definition, message) => {
  expect(() => runsOf(definition)).toThrow(new TypeError(`runs.answer ${message}`))
})

it('run() refuses what could start nothing', () => {
  expect(() => run({} as never)).toThrow(
    new TypeError('run() has no function run: write async *run(input, context) { … }'),
  )
  expect(() => run({ input: {}, run: numbers } as never)).toThrow(new TypeError(`run() ${NO_SCHEMA}`))
})

it('a schema may be a function, as those of arktype are', () => {
  const input = Object.assign(
    () => undefined,
    schema((value) => ({ value })),
  )
  expect(() => run({ input, run: numbers })).not.toThrow()
})

/** As arktype's: one that is made of a number holds that number. */
class Path extends Array<PropertyKey> {
  constructor(...steps: PropertyKey[]) {
    super()
    this.push(...steps)
  }
}

it.each([
  { path: new Path(), told: [] },
  { path: new Path('a', 3), told: ['a', 3] },
])('a path that is a class of arrays is told as it is: $told', async ({ path, told }) => {
  const input = schema(() => ({ issues: [{ path, message: 'no' }] }))
  await expect(runsOf({ input, run: numbers }).start({ kind: 'answer' })).rejects.toMatchObject({
    code: 'invalid_input',
    issues: [{ path: told, message: 'no' }],
  })
})

it('a schema that returns nothing is named in the error', async () => {
  const runs = runsOf({ input: schema(() => undefined), run: numbers })
  await expect(runs.start({ kind: 'answer' })).rejects.toThrow(
    'The schema of an input returned undefined, neither a value nor issues',
  )
})

it.each<[what: string, run: () => unknown]>([
  ['a promise', async () => 5],
  ['an array', () => [1, 2]],
  ['undefined', () => undefined],
])('a run that returns %s fails, and the log says so', async (what, begin) => {
  for (const input of [undefined, schema((value) => ({ value }))]) {
    const logger = new RecordingLogger()
    const started = await runsOf({ run: begin, ...(input && { input }) }, logger).start({ kind: 'answer' })
    expect(await started.end).toMatchObject({ status: 'failed', reason: 'provider_failed' })
    expect(logger.lines).toMatchObject([
      {
        fields: {
          err: {
            message: `The run returned ${what}, not an async iterable: write async *run(input, context) { … }`,
          },
        },
      },
    ])
  }
})

it.each<[value: unknown, said: RegExp]>([
  [undefined, /^The run yielded undefined, which JSON cannot hold$/],
  [1n, /^The run yielded a bigint, which JSON cannot hold: .*BigInt/],
])('the log says what JSON cannot hold: %s', async (value, said) => {
  const logger = new RecordingLogger()
  const begin = async function* (): AsyncGenerator {
    yield value
  }
  const started = await runsOf({ run: begin }, logger).start({ kind: 'answer' })
  expect(await started.end).toMatchObject({ reason: 'not_json' })
  const [{ err }] = logger.lines.map(({ fields }) => fields) as [{ err: Error }]
  expect((err.cause as Error).message).toMatch(said)
})
