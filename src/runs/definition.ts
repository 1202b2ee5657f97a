/**
 * What an application says of one kind of run: what it takes, what it does, and what happens to it when its
 * process dies.
 *
 *     const answer = run({
 *       input: z.object({ prompt: z.string().min(1) }),
 *       async *run({ prompt }, context) {
 *         yield* text(openai({ model: 'gpt-5.5', input: prompt }), context)
 *       },
 *     })
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from '../protocol/json.ts'
import type { Wire } from '../protocol/wire.ts'
import type { RunContext } from '../providers/provider.ts'
import { checkedProvider } from './start/checked-input.ts'
import type { RunKind } from './options.ts'

/** What `run` takes. Without an `input` schema a run takes any JSON. */
export interface RunOptions<Schema extends StandardSchemaV1, Output extends Json | object> extends Omit<
  RunKind,
  'provider' | 'input'
> {
  /**
   * Checks what a run is started with, and may transform it: any Standard Schema, asynchronous ones too (zod,
   * valibot, arktype). What does not fit starts nothing, and the caller is told why: the messages of a schema
   * must hold nothing secret. A run keeps the input as it came, and checks it again when another process takes it
   * over; one that no longer fits ends as `invalid_input`.
   */
  readonly input?: Schema
  /**
   * Fills the run's log: each value that it yields becomes a record. It follows the rules of a `Provider`: its
   * signal ends it, and a resumable one goes on from `context.resumeFrom`.
   */
  run(input: StandardSchemaV1.InferOutput<Schema>, context: RunContext): AsyncIterable<Output>
}

/**
 * A kind of run, as `millrace({ runs })` takes it. For the client it carries its types: what it is started with,
 * and its records as they arrive.
 */
export interface RunDefinition<Input = unknown, Output = unknown> extends RunKind {
  /** For the compiler alone: no definition has this property. */
  readonly '~types'?: { readonly input: Input; readonly record: Output }
}

/** The runs of an application, by the name that starts them. */
export type RunDefinitions = Readonly<Record<string, RunDefinition>>

/**
 * Defines a kind of run: `run({ input: z.object({ prompt: z.string() }), async *run({ prompt }) { … } })`. The
 * type of its input and of its records is known from here to the browser's loop.
 */
export function run<
  Output extends Json | object,
  Schema extends StandardSchemaV1<unknown, unknown> = StandardSchemaV1<Json, Json>,
>(options: RunOptions<Schema, Output>): RunDefinition<StandardSchemaV1.InferInput<Schema>, Wire<Output>> {
  const { input, ...rest } = options
  return {
    ...rest,
    ...(input && { input }),
    provider: checkedProvider(input, (value, context) => options.run(value, context)),
  }
}
