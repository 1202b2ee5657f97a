/**
 * Defines one kind of run: its input, what it does, and what happens to it when its process dies.
 *
 *     const answer = run({
 *       input: z.object({ prompt: z.string().min(1) }),
 *       async *run({ prompt }, context) {
 *         yield* text(openai({ model: 'gpt-5.5', input: prompt }), context)
 *       },
 *     })
 */
import { type OptionNames, checkOptions } from '../protocol/known-options.ts'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { described } from '../protocol/described.ts'
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { Wire } from '../protocol/wire.ts'
import type { RunContext } from '../providers/provider.ts'
import type { RunInfo } from './run.ts'

/** Why a run starts over. */
export interface NewAttempt {
  /** 2 for the first attempt that starts over. */
  readonly attempt: number
  /** `interrupted`: its process died and it is not resumable. `replay_differs`: it yielded other records than before. */
  readonly reason: 'interrupted' | 'replay_differs'
}

/** What `run` takes. Without an `input` schema a run takes any JSON, and none: its input is `null` then. */
export interface RunOptions<Schema extends StandardSchemaV1, Output extends Json | object> extends Omit<
  RunDefinition,
  'input' | 'run' | '~types'
> {
  /**
   * Checks the input of a run, and may transform it: any Standard Schema (zod, valibot, arktype), asynchronous or
   * not. An invalid input starts nothing, and the caller gets the schema's messages, which must hold nothing secret.
   * A run keeps its input as it was sent, and checks it again when another process takes it over. If it is no longer
   * valid, the run ends as `invalid_input`.
   */
  readonly input?: Schema
  /**
   * Fills the run's log: each value that it yields becomes a record. It follows the rules of a `Provider`: it ends
   * when its signal aborts, and a resumable one continues from `context.resumeFrom`.
   */
  run(input: StandardSchemaV1.InferOutput<Schema>, context: RunContext): AsyncIterable<Output>
}

/**
 * A kind of run. It is made from JSON alone, so any process that knows it can continue it. Its type tells the client
 * the types of the input and of the records as they arrive.
 */
export interface RunDefinition<Input = unknown, Output = unknown> {
  readonly input?: StandardSchemaV1
  /** Called with what the schema made of the input; without a schema, with the input itself. */
  run(input: unknown, context: RunContext): AsyncIterable<unknown>
  /**
   * Whether another process continues a run whose process died. It calls `run` with `context.resumeFrom`, which must
   * yield the same records from there. Each is compared with the log; the first that differs ends the run as
   * `replay_differs`. Default false: the run fails as `interrupted`.
   */
  readonly resumable?: boolean
  /**
   * Returns the last records of a run, for a protocol that needs a last word. They are appended in the step that ends
   * the run, however it ends. Must be a pure function. Default: none.
   */
  readonly closing?: (end: RunEnd) => readonly Json[]
  /**
   * Lets a run start over, up to five times, where it would end as `interrupted` or `replay_differs`: `run` is called
   * without `resumeFrom`, and appends to the same log. Returns at least one record, which tells readers that the
   * records before it no longer count. If it throws, the run ends as `provider_failed`.
   */
  readonly newAttempt?: (attempt: NewAttempt) => readonly (Json | object)[]
  /**
   * Called after the end of a run is durable, in the process that ended it. If that process dies before this returns,
   * another process that knows the kind calls it. It is called at least once, and normally once; `info.id` with
   * `info.incarnation` identifies a repeated call. It is not a broadcast: to hear of other runs, follow them. If it
   * throws, rejects or takes longer than `endedTimeout`, it is called again for a day, after a second at first and
   * ten minutes at most.
   *
   * @param signal aborts when the call takes too long, and when the process shuts down.
   */
  readonly ended?: (info: RunInfo, end: RunEnd, signal: AbortSignal) => void | Promise<void>
  /** For the compiler alone: no definition has this property. */
  readonly '~types'?: { readonly input: Input; readonly record: Output }
}

/** The kinds of runs of an application, by name. */
export type RunDefinitions = Readonly<Record<string, RunDefinition>>

const OPTIONS: OptionNames<RunOptions<StandardSchemaV1, Json>> = {
  input: true,
  run: true,
  resumable: true,
  closing: true,
  newAttempt: true,
  ended: true,
}

/**
 * Defines a kind of run: `run({ input: z.object({ prompt: z.string() }), async *run({ prompt }) { … } })`. The client
 * infers the types of the input and of the records.
 *
 * @throws {TypeError} for an option that does not exist, an `input` that is no Standard Schema, and no `run`.
 */
export function run<
  Output extends Json | object,
  Schema extends StandardSchemaV1<unknown, unknown> = StandardSchemaV1<Json | undefined, Json>,
>(options: RunOptions<Schema, Output>): RunDefinition<StandardSchemaV1.InferInput<Schema>, Wire<Output>> {
  checkOptions<object>('run()', options, OPTIONS)
  checkDefinition('run()', options)
  return options
}

/**
 * Refuses what could start no run.
 *
 * @param where names it for its author: `run()`, or `runs.answer`.
 * @throws {TypeError}
 */
export function checkDefinition(where: string, definition: unknown): void {
  if (typeof definition !== 'object' || definition === null)
    throw new TypeError(`${where} is ${described(definition)}, not a definition: write run({ … })`)
  const { run: begin, input } = definition as Partial<RunDefinition>
  if (typeof begin !== 'function')
    throw new TypeError(`${where} has no function run: write async *run(input, context) { … }`)
  if (input !== undefined && typeof input?.['~standard']?.validate !== 'function')
    throw new TypeError(
      `${where} has an input that is no Standard Schema: give one of zod, valibot or arktype, for example`,
    )
}
