/** Checks an input against the schema of its kind. The application wrote the schema: it may throw, and it may hang. */
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
/** Limits of what an error says: issues, steps of a path, characters of a step and of a message. */
const MAX_ISSUES = 10
const MAX_STEPS = 16
const MAX_STEP = 64
const MAX_MESSAGE = 200

/**
 * The value that the schema makes of an input. One that was left out is null: a schema that refuses that is given
 * undefined, as JSON has no other word for it.
 *
 * @throws {RunError} `invalid_input`, with the issues; `input_undecided` when the schema takes longer than 5 s.
 * Also throws what the schema throws.
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
 * Returns a function that makes the provider for each attempt of one run. The first attempt gets `checked`. Later
 * attempts check the input again, because the schema, or what it looks up, may have changed.
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
    // Each attempt gets a copy, because it may change its input: add to a list of messages, for example.
    const own = structuredClone(input)
    if (!schema) return (context) => definition.run(own, context) as AsyncIterable<Json>
    return (context) => new CheckedRun(definition, schema, own, context)
  }
}

/** A run that checks its input at its first `next()`. Later calls cost nothing extra. */
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
      // Does not use the run's own signal: a run that is called only to cancel upstream work needs its input, too.
      return await checkInput(this.#schema, this.#input, NEVER)
    } catch (error) {
      if (error instanceof RunError && error.code === 'invalid_input')
        throw failureFor('invalid_input', { cause: error })
      throw error
    }
  }
}

/** For callers that wait as long as it takes. */
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
  if (!first) return 'The input is not valid.'
  const where = first.path.join('.')
  return `The input is not valid: ${where && `${where}: `}${first.message}`
}

function cut(text: string, length: number): string {
  return (text.length > length ? `${text.slice(0, length - 1)}…` : text).toWellFormed()
}
