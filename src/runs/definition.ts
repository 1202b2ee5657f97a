/**
 * What an application says of one kind of run: what it takes, what it does, and what becomes of it when its
 * process dies.
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

/** Why a run begins anew. */
export interface NewAttempt {
  /** 2 for the first one that begins anew. */
  readonly attempt: number
  /** Its process is gone and it cannot be continued, or what it yielded again was something else. */
  readonly reason: 'interrupted' | 'replay_differs'
}

/** What `run` takes. Without an `input` schema a run takes any JSON, and none: its input is `null` then. */
export interface RunOptions<Schema extends StandardSchemaV1, Output extends Json | object> extends Omit<
  RunDefinition,
  'input' | 'run' | '~types'
> {
  /**
   * Checks what a run is started with, and may transform it: any Standard Schema, asynchronous ones too (zod,
   * valibot, arktype). What does not fit starts nothing, and the caller is told why: the messages of a schema
   * must hold nothing secret. A run keeps the input as it came, and checks it again when another process takes it
   * over; one that no longer fits ends as `invalid_input`.
   */
  readonly input?: Schema
  /**
   * Fills the run's log: each value that it yields becomes a record. It follows the rules of a `Provider`: once its
   * signal aborts it ends, and a resumable one goes on from `context.resumeFrom`.
   */
  run(input: StandardSchemaV1.InferOutput<Schema>, context: RunContext): AsyncIterable<Output>
}

/**
 * A kind of run, which any process that knows it can carry on, because it is made from JSON alone. For the client it
 * carries its types: what it is started with, and its records as they arrive.
 */
export interface RunDefinition<Input = unknown, Output = unknown> {
  readonly input?: StandardSchemaV1
  /** Called with what the schema made of the input, or with the input itself. */
  run(input: unknown, context: RunContext): AsyncIterable<unknown>
  /**
   * Whether a run goes on when its process died. It is then called with `context.resumeFrom`, and yields from there
   * the same records again: each is compared with what the log has, and the first that differs ends the run as
   * `replay_differs`. Default false: the run fails as `interrupted`.
   */
  readonly resumable?: boolean
  /**
   * The last records of a run, for a protocol that needs a last word: kept in the step that ends it, whoever
   * ends it and however. Pure. Without it a log holds what the run yielded, and nothing else.
   */
  readonly closing?: (end: RunEnd) => readonly Json[]
  /**
   * Lets a run begin anew, up to five times, where it would end so: it is called without `resumeFrom`, and goes on
   * in the same log. Returns the records that come first, one at least, by which a reader knows that the records
   * before them no longer count. What it throws ends the run as `provider_failed`.
   */
  readonly newAttempt?: (attempt: NewAttempt) => readonly (Json | object)[]
  /**
   * Called when a run has ended, however, once that is durable: in the process that ended it, or, should that die
   * before this has returned, in another one that knows the kind. Once as a rule, and at least once; `info.id` with
   * `info.incarnation` tells whether it was before. It is no broadcast: to hear of runs elsewhere, follow them. When
   * it throws, rejects, or takes longer than `endedTimeout`, it is called again later, after a second at first and
   * ten minutes at most, for a day.
   *
   * @param signal aborts when it takes too long, and when the process shuts down.
   */
  readonly ended?: (info: RunInfo, end: RunEnd, signal: AbortSignal) => void | Promise<void>
  /** For the compiler alone: no definition has this property. */
  readonly '~types'?: { readonly input: Input; readonly record: Output }
}

/** The runs of an application, by their kind: the name that starts them. */
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
 * Defines a kind of run: `run({ input: z.object({ prompt: z.string() }), async *run({ prompt }) { … } })`. The
 * type of its input and of its records is known from here to the browser's loop.
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
