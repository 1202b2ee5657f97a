/** Checks a request to start a run, before anything is done for it. */
import type { Json } from '../../protocol/json.ts'
import { nearest } from '../../protocol/nearest.ts'
import type { RunProvider } from '../../providers/provider.ts'
import { RUN_ERRORS, RunError } from '../errors.ts'
import { type CheckedInput, checkInput } from './checked-input.ts'
import { fingerprint } from './fingerprint.ts'
import type { RunDefinition } from '../definition.ts'
import type { RunSettings } from '../options.ts'
import type { StartRequest } from '../run.ts'
import { isRunId, newRunId } from '../records/run-ids.ts'

/** Where the records of a run come from: a provider that only this process has, or a kind that others know too. */
type AskedSource = { readonly provider: RunProvider } | { readonly kind: string; readonly input: Json }

/** The same, with the kind's definition in this process. */
export type Source =
  | { readonly provider: RunProvider }
  | {
      readonly kind: string
      readonly of: RunDefinition
      readonly input: Json
      /** What the kind's schema made of the input. */
      readonly checked?: CheckedInput
    }

/** A checked request, before its kind is looked up: its run may exist, and is found even if the kind is unknown here. */
export interface AskedStart {
  readonly id: string
  /** Whether the id is random, because the request had none. */
  readonly isNewId: boolean
  readonly chat: string | undefined
  readonly owner: string | undefined
  readonly metadata: Json | undefined
  readonly source: AskedSource
  /** The fingerprint of what the run is asked; undefined for a provider without `asked`. */
  readonly asked: string | undefined
}

/** A start that this process can carry out. */
export interface CheckedStart extends AskedStart {
  readonly source: Source
}

/** @throws {RunError} `invalid_run`, saying what is wrong. */
export function checkRequest(request: StartRequest, provider?: RunProvider): AskedStart {
  const { id = newRunId(), chat, owner, metadata } = request
  if (!isRunId(id)) {
    throw new RunError(
      'invalid_run',
      'The id of a run must be 1 to 500 printable ASCII characters without a space, and must not begin with @',
    )
  }
  if (chat !== undefined) checkText(chat, 256, 'A chat')
  if (owner !== undefined) checkText(owner, 512, 'An owner')
  if (metadata !== undefined) checkJson(metadata, 'The metadata of a run')
  if (request.asked !== undefined) checkJson(request.asked, 'What a run is asked')
  const source = checkSource(request, provider)
  return {
    id,
    isNewId: request.id === undefined,
    chat,
    owner,
    metadata,
    source,
    asked: askedOf(request.asked, source),
  }
}

/**
 * Looks up the kind, and checks the input with its schema.
 *
 * @throws {RunError} `unknown_kind`, `invalid_input`, `input_undecided`. Also throws what the schema throws.
 */
export async function checkKind(
  { source, ...start }: AskedStart,
  kinds: RunSettings['kinds'],
  signal: AbortSignal,
): Promise<CheckedStart> {
  if ('provider' in source) return { ...start, source }
  const of = kinds.get(source.kind)
  if (!of) throw unknownKind(source.kind, kinds)
  if (!of.input) return { ...start, source: { ...source, of } }
  const value = await checkInput(of.input, source.input, signal)
  return { ...start, source: { ...source, of, checked: { value } } }
}

function askedOf(asked: Json | undefined, source: AskedSource): string | undefined {
  if (asked !== undefined) return fingerprint(asked)
  return 'kind' in source ? fingerprint([source.kind, source.input]) : undefined
}

function checkSource({ kind, input }: StartRequest, provider: RunProvider | undefined): AskedSource {
  if (provider !== undefined) {
    if (kind !== undefined || input !== undefined) {
      throw new RunError('invalid_run', 'Pass a provider, or a kind with its input, not both')
    }
    if (typeof provider !== 'function') throw new RunError('invalid_run', 'A provider must be a function')
    return { provider }
  }
  if (kind === undefined) throw new RunError('invalid_run', 'A run needs a provider or a kind')
  if (input !== undefined) checkJson(input, 'The input of a run')
  return { kind, input: input ?? null }
}

/** Suggests a known kind. The message never quotes what was sent. */
function unknownKind(kind: string, kinds: RunSettings['kinds']): RunError {
  const like = nearest(kind, kinds.keys())
  if (like === undefined) return new RunError('unknown_kind')
  return new RunError('unknown_kind', `${RUN_ERRORS.unknown_kind} Did you mean ${like}?`)
}

function checkText(text: string, length: number, what: string): void {
  if (typeof text !== 'string' || text.length === 0 || text.length > length || !text.isWellFormed()) {
    throw new RunError('invalid_run', `${what} must be 1 to ${length} well-formed characters`)
  }
}

function checkJson(value: Json, what: string): void {
  try {
    if (JSON.stringify(value) !== undefined) return
  } catch {
    // Reported below.
  }
  throw new RunError('invalid_run', `${what} must be a JSON value`)
}
