/** What `connect<App>` says of an application's runs. Compiled, never run. */
import { memory, millrace, run } from 'millrace'
import { type RemoteStream, connect } from 'millrace/client'
import { useStream } from 'millrace/react'
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
    yield { at: new Date(), tag: undefined as string | undefined }
  },
})
const app = millrace({ store: memory(), runs: { answer, clock } })
type App = typeof app

const { runs } = connect<App>('/')
expectTypeOf<keyof typeof runs>().toEqualTypeOf<'answer' | 'clock'>()

const reply = runs.answer.start({ prompt: 'x' }, { chat: 'c', id: 'i' })
expectTypeOf(reply).toEqualTypeOf<Promise<RemoteStream<string>>>()
for await (const piece of await reply) expectTypeOf(piece).toEqualTypeOf<string>()
expectTypeOf(runs.answer.stream('id')).toEqualTypeOf<RemoteStream<string>>()

// What the schema turns the input into is the server's, and a date arrives as a text.
void runs.answer.start({ prompt: 'x', size: '7' })
const [tick] = (await runs.clock.start()).take()
expectTypeOf(tick?.at).toEqualTypeOf<string | undefined>()
expectTypeOf(tick?.tag).toEqualTypeOf<string | undefined>()

// @ts-expect-error there is no run of this name
void runs.anser
// @ts-expect-error the input is left out
void runs.answer.start()
// @ts-expect-error a member of the input is left out
void runs.answer.start({})
// @ts-expect-error a member of the input is of another type
void runs.answer.start({ prompt: 7 })
// @ts-expect-error the server has this type, and a client sends the one before it
void runs.answer.start({ prompt: 'x', size: 7 })
// @ts-expect-error a member of the input that there is none of
void runs.answer.start({ prompt: 'x', promt: 'y' })
// @ts-expect-error a record is a string
for await (const { delta } of await runs.answer.start({ prompt: 'x' })) void delta
// @ts-expect-error a date arrives as a text
void tick?.at.getTime
// @ts-expect-error without the type of an application no run is known
void connect('/').runs.answer

const view = useStream(runs.answer, null)
expectTypeOf(view.records).toEqualTypeOf<readonly string[]>()
expectTypeOf(view.start({ prompt: 'x' }, { id: 'i' })).toEqualTypeOf<Promise<string>>()
void useStream(runs.clock, 'id').start()
const lengths = useStream(runs.answer, 'id', {
  reduce: (sum: number, piece) => sum + piece.length,
  initial: 0,
})
expectTypeOf(lengths.state).toEqualTypeOf<number>()
// @ts-expect-error a member of the input is of another type
void view.start({ prompt: 7 })
// @ts-expect-error the input is left out
void view.start()
// @ts-expect-error a record is a string
void view.records[0]?.delta
// @ts-expect-error a record is a string
useStream(runs.answer, 'id', { text: (record: { delta: string }) => record.delta })
