/**
 * What is kept of a run in the metadata of its stream, beside the records: `{ run: { … } }`. It is
 * written anew with each attempt; a large input lies in a stream of its own. How the run ended is kept
 * with the close of the stream.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../../protocol/json.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import { readRunEnd } from '../../protocol/run-end.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { endFor } from '../end-reasons.ts'
import { member, numberIn } from './json-members.ts'
import type { RunInfo } from '../run.ts'

export interface RunRecord {
  /** How it ended, as its stream is closed: no part of what the metadata holds. */
  readonly end?: RunEnd
  readonly chat?: string
  readonly metadata?: Json
  readonly kind?: string
  readonly input?: Json
  /** The stream that holds an input too large to stand here. */
  readonly inputIn?: string
  /** The fingerprint of what it was asked. */
  readonly asked?: string
  readonly retryOf?: string
  readonly startedAt: number
  readonly attempt: number
  /** Where the log ended when the present attempt began. */
  readonly attemptAt: number
  /** How many attempts before it died without a single record, in a row. */
  readonly barren: number
  /** How often it began anew. */
  readonly restarts?: number
}

export function encodeRunRecord({ end: _, ...record }: RunRecord): Json {
  // A `RunRecord` is JSON once what is undefined is left out, which writing it as text does.
  return { run: record as unknown as Json }
}

/** Bytes of a record as JSON. */
export function sizeOfRunRecord(record: RunRecord): number {
  return Buffer.byteLength(JSON.stringify(encodeRunRecord(record)))
}

/** The run of a stream; undefined for a stream that is none. */
export function readRunRecord({ metadata, closed, end }: StreamInfo): RunRecord | undefined {
  const run = member(metadata, 'run')
  const startedAt = numberIn(run, 'startedAt')
  const attempt = numberIn(run, 'attempt')
  if (startedAt === undefined || attempt === undefined) return undefined
  return {
    ...(closed && { end: endOfClosed(end) }),
    startedAt,
    attempt,
    attemptAt: numberIn(run, 'attemptAt') ?? 0,
    barren: numberIn(run, 'barren') ?? 0,
    ...texts(run),
    ...given('restarts', numberIn(run, 'restarts')),
    ...given('metadata', member(run, 'metadata')),
    ...given('input', member(run, 'input')),
  }
}

/** The end of a run whose stream is closed with this: one that somebody closed from outside was interrupted. */
export function endOfClosed(end: Json | undefined): RunEnd {
  return readRunEnd(end) ?? endFor('interrupted')
}

export function runInfo({ id, owner, tail, incarnation }: StreamInfo, record: RunRecord): RunInfo {
  const { end, chat, metadata, kind, retryOf, startedAt, attempt } = record
  return {
    id,
    ...(end ?? { status: 'running' }),
    ...given('owner', owner),
    ...given('chat', chat),
    ...given('metadata', metadata),
    ...given('kind', kind),
    ...given('retryOf', retryOf),
    startedAt,
    attempt,
    tail,
    incarnation,
  }
}

const TEXTS = ['chat', 'kind', 'inputIn', 'asked', 'retryOf'] as const

function texts(run: Json | undefined): { readonly [name in (typeof TEXTS)[number]]?: string } {
  const found = TEXTS.map((name) => [name, member(run, name)] as const)
  return Object.fromEntries(found.filter(([, value]) => typeof value === 'string'))
}

/** A member for a spread: nothing at all for undefined. */
function given<Name extends string, T>(name: Name, value: T | undefined): { readonly [name in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in Name]?: T }
}
