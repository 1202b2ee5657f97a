/** The types of a run, from its schema to its records. Compiled, never run. */
import { type Json, type RunContext, type RunDefinition, memory, millrace, run } from 'millrace'
import { z } from 'zod'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_ extends true>(): void => {}
type Of<Definition extends RunDefinition> = NonNullable<Definition['~types']>

const before = run({
  input: z.object({ prompt: z.string().min(1) }),
  resumable: true,
  async *run({ prompt }, context) {
    is<Same<typeof context, RunContext>>()
    yield prompt.toUpperCase()
  },
})
is<Same<Of<typeof before>['input'], { prompt: string }>>()
is<Same<Of<typeof before>['record'], string>>()

const after = run({
  async *run({ at, size }) {
    is<Same<typeof at, Date>>()
    yield { at, size, skip: undefined }
  },
  input: z.object({ at: z.coerce.date(), size: z.string().transform(Number) }),
})
is<Same<Of<typeof after>['input']['size'], string>>()
is<Same<Of<typeof after>['record'], { at: string; size: number }>>()

const list = run({
  input: z.number(),
  async *run(count, { checkpoint }) {
    checkpoint(count)
    yield [count]
  },
})
is<Same<Of<typeof list>['record'], number[]>>()

const iterable = run({ input: z.string(), run: (text) => ReadableStream.from([text]) })
is<Same<Of<typeof iterable>['record'], string>>()

const untyped = run({
  async *run(value) {
    yield value
  },
})
is<Same<Of<typeof untyped>['record'], Json>>()
is<Same<Of<typeof untyped>['input'], Json | undefined>>()

const app = millrace({ store: memory(), runs: { before, after } })
type Runs = NonNullable<(typeof app)['~runs']>
is<Same<keyof Runs, 'before' | 'after'>>()
is<Same<Of<Runs['after']>['record'], { at: string; size: number }>>()

const none = millrace()
is<Same<keyof NonNullable<(typeof none)['~runs']>, never>>()

run({
  input: z.object({ prompt: z.string() }),
  // @ts-expect-error the schema has no such member
  async *run({ promt }) {
    yield promt
  },
})

// @ts-expect-error a run yields its records
run({ input: z.string(), run: (text) => text.length })

run({
  // @ts-expect-error JSON carries no bigint
  async *run() {
    yield 1n
  },
})

// @ts-expect-error a schema, not a type's name
run({ input: 'string', async *run() {} })

// @ts-expect-error a run is made by run()
millrace({ store: memory(), runs: { async *answer() {} } })
