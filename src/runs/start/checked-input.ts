/** Holds an input against the schema of its kind. The schema is the application's: it may throw, and it may hang. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { described } from '../../protocol/described.ts'
import type { Json } from '../../protocol/json.ts'
import type { InputIssue } from '../../protocol/stream-frames.ts'
import type { RunContext, RunProvider } from '../../providers/provider.ts'
import { failureFor } from '../end-reasons.ts'
import type { RunDefinition } from '../definition.ts'
import { RunError } from '../errors.ts'
import { iteratorOf } from '../generation/iterator-of.ts'

/** Seconds that a schema may take. */
const PATIENCE = 5
/** What is told of an input: issues, steps of a path, characters of a step and of a message. */
const MAX_ISSUES = 10
const MAX_STEPS = 16
const MAX_STEP = 64
const MAX_MESSAGE = 200

/**
 * The value that the schema makes of an input. One that was left out is null: a schema that refuses that is given
 * undefined, as JSON has no other word for it.
 *
 * @throws {RunError} `invalid_input`, with the issues; `input_undecided` when the schema takes longer than 5 s;
 * and what the schema itself throws.
 */
export async function checkInput(
  schema: StandardSchemaV1,
  input: Json,
  signal: AbortSignal,
): Promise<unknown> {
  const standard = schema['~standard']
  const answer = input === null ? checkNull(standard) : standard.validate(input)
  const result = resultOf(await inTime(answer, signal))
  if (!result.issues) return result.value
  const issues = firstOf(result.issues, MAX_ISSUES, told)
  throw new RunError('invalid_input', sentenceOf(issues), issues)
}

async function checkNull(schema: StandardSchemaV1.Props): Promise<StandardSchemaV1.Result<unknown>> {
  const result = resultOf(await schema.validate(null))
  if (!result.issues) return result
  const absent = resultOf(await schema.validate(undefined))
  return absent.issues ? result : absent
}

/** @throws {TypeError} for what no schema may return. */
function resultOf(result: StandardSchemaV1.Result<unknown>): StandardSchemaV1.Result<unknown> {
  if (typeof result === 'object' && result !== null) return result
  throw new TypeError(`The schema of an input returned ${described(result)}, neither a value nor issues`)
}

/** What a schema made of an input, for the run that was started just now. */
export interface CheckedInput {
  readonly value: unknown
}

/**
 * Makes the provider of one run: called for each of its attempts. The first one here is given `checked`; any other
 * has its input checked once more, as the schema, or what it looks up, may be another by then.
 */
export function providerOf(
  definition: RunDefinition,
  input: Json,
  checked?: CheckedInput,
): () => RunProvider {
  const { input: schema } = definition
  let first = checked
  return () => {
    const known = first
    first = undefined
    if (known) return (context) => definition.run(known.value, context) as AsyncIterable<Json>
    // A copy for each: an attempt may change its own, as a list of messages that it adds to.
    const own = structuredClone(input)
    if (!schema) return (context) => definition.run(own, context) as AsyncIterable<Json>
    return (context) => new CheckedRun(definition, schema, own, context)
  }
}

/** A run that checks its input at its first `next()`. From then on its records cost nothing more. */
class CheckedRun implements AsyncIterable<Json>, AsyncIterator<Json> {
  readonly #definition: RunDefinition
  readonly #schema: StandardSchemaV1
  readonly #input: Json
  readonly #context: RunContext
  #iterator: AsyncIterator<Json> | undefined
  #isOver = false

  constructor(definition: RunDefinition, schema: StandardSchemaV1, input: Json, context: RunContext) {
    this.#definition = definition
    this.#schema = schema
    this.#input = input
    this.#context = context
  }

  [Symbol.asyncIterator](): AsyncIterator<Json> {
    return this
  }

  next(): Promise<IteratorResult<Json>> {
    return this.#iterator ? this.#iterator.next() : this.#begin()
  }

  async return(): Promise<IteratorResult<Json>> {
    this.#isOver = true
    await this.#iterator?.return?.()
    return { done: true, value: undefined }
  }

  async #begin(): Promise<IteratorResult<Json>> {
    const value = await this.#check()
    if (this.#isOver && !this.#context.signal.aborted) return { done: true, value: undefined }
    this.#iterator = iteratorOf(this.#definition.run(value, this.#context) as AsyncIterable<Json>)
    return this.#iterator.next()
  }

  async #check(): Promise<unknown> {
    try {
      // Not under its own signal: a run that is called only to end what is upstream needs its input, too.
      return await checkInput(this.#schema, this.#input, NEVER)
    } catch (error) {
      if (error instanceof RunError && error.code === 'invalid_input')
        throw failureFor('invalid_input', { cause: error })
      throw error
    }
  }
}

/** Of whoever waits as long as it takes. */
const NEVER = new AbortController().signal

async function inTime<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  // Not every promise is one of this realm's.
  if (typeof work !== 'object' || work === null || !('then' in work)) return work
  signal.throwIfAborted()
  const { promise: late, reject } = Promise.withResolvers<never>()
  const leave = (): void => reject(signal.reason)
  const timer = setTimeout(() => reject(new RunError('input_undecided')), PATIENCE * 1000)
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', leave)
  }
}

function told({ path = [], message }: StandardSchemaV1.Issue): InputIssue {
  return { path: firstOf(path, MAX_STEPS, stepOf), message: cut(String(message), MAX_MESSAGE) }
}

/** A plain array: that of a schema may be a class whose `slice` and `map` do something else, as arktype's. */
function firstOf<T, Told>(list: readonly T[], most: number, tell: (entry: T) => Told): readonly Told[] {
  return Array.from({ length: Math.min(list.length, most) }, (_none, index) => tell(list[index] as T))
}

function stepOf(step: PropertyKey | StandardSchemaV1.PathSegment): string | number {
  const key = typeof step === 'object' && step !== null ? step.key : step
  return typeof key === 'number' ? key : cut(String(key), MAX_STEP)
}

function sentenceOf([first]: readonly InputIssue[]): string {
  if (!first) return 'The input does not fit.'
  const where = first.path.join('.')
  return `The input does not fit: ${where && `${where}: `}${first.message}`
}

function cut(text: string, length: number): string {
  return (text.length > length ? `${text.slice(0, length - 1)}…` : text).toWellFormed()
}
