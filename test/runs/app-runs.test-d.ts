/** What a program starts by `app.runs`. Compiled, never run. */
import { type App, type Run, type Runs, memory, millrace, run, streaming } from 'millrace'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'

const answer = run({
  input: z.object({ prompt: z.string().min(1), size: z.coerce.number<string>().optional() }),
  async *run({ prompt }) {
    yield prompt
  },
})
const clock = run({
  input: z.undefined(),
  async *run() {
    yield 'tick'
  },
})
const echo = run({
  async *run(value) {
    yield value
  },
})
interface Named {
  name: string
}
const greet = run({
  input: z.custom<Named>(),
  async *run({ name }) {
    yield name
  },
})
const app = millrace({ store: memory(), runs: { answer, clock, echo, greet } })

expectTypeOf(app.runs.start({ kind: 'answer', input: { prompt: 'x' } })).toEqualTypeOf<Promise<Run>>()
void app.runs.start({ kind: 'answer', input: { prompt: 'x', size: '7' }, owner: 'ann', chat: 'c', id: 'i' })
void app.runs.start({ kind: 'clock' })
void app.runs.start({ kind: 'echo' })
void app.runs.start({ kind: 'echo', input: [7] })
const named: Named = { name: 'ann' }
void app.runs.start({ kind: 'greet', input: named })
void app.runs.stop('id')

// A program may have a provider of its own.
const provider = async function* () {
  yield 'x'
}
void app.runs.start({}, provider)
void app.runs.start({ owner: 'ann', metadata: { for: 'bill' } }, provider)

// @ts-expect-error there is no run of this name
void app.runs.start({ kind: 'anwser', input: { prompt: 'x' } })
// @ts-expect-error the input is left out
void app.runs.start({ kind: 'answer' })
// @ts-expect-error a member of the input is left out
void app.runs.start({ kind: 'answer', input: {} })
// @ts-expect-error a member of the input is of another type
void app.runs.start({ kind: 'answer', input: { prompt: 7 } })
// @ts-expect-error the schema makes this of it, and takes a text
void app.runs.start({ kind: 'answer', input: { prompt: 'x', size: 7 } })
// @ts-expect-error a member of the input that there is none of
void app.runs.start({ kind: 'answer', input: { prompt: 'x', promt: 'y' } })
// @ts-expect-error the input of another kind
void app.runs.start({ kind: 'greet', input: { prompt: 'x' } })
// @ts-expect-error JSON carries no bigint
void app.runs.start({ kind: 'echo', input: 1n })
// @ts-expect-error neither a kind nor a provider
void app.runs.start({ owner: 'ann' })
// @ts-expect-error a kind and a provider
void app.runs.start({ kind: 'clock' }, provider)
// @ts-expect-error an option that there is none of
void app.runs.start({ kind: 'clock', ownr: 'ann' })

// It is an application like any other for whoever does not know its runs.
const anyApp: App = app
const anyRuns: Runs = app.runs
void anyApp.runs.start({ kind: 'answer', input: 7 })
void anyRuns.start({ kind: 'answer', input: 7 })
// @ts-expect-error it has no such run
const otherApp: App<{ other: typeof answer }> = app
// @ts-expect-error its run takes another input
const strangeApp: App<{ answer: typeof greet }> = app
void [otherApp, strangeApp]

// Without runs of its own the kinds are known at run time only.
void millrace({ streams: streaming({ store: memory(), runs: { answer } }) }).runs.start({ kind: 'answer' })
void millrace({ store: memory() }).runs.start({}, provider)
