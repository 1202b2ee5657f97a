/**
 * What the metadata of a run's stream holds: `{ run: { … } }`. It is rewritten with each attempt. A large input is in
 * a stream of its own, and the end of the run is stored with the close of the stream.
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
  /** Its end, from the close of its stream; not part of the metadata. */
  readonly end?: RunEnd
  readonly chat?: string
  readonly metadata?: Json
  readonly kind?: string
  readonly input?: Json
  /** The stream that holds an input too large for the metadata. */
  readonly inputIn?: string
  /** The fingerprint of its request. */
  readonly asked?: string
  readonly retryOf?: string
  readonly startedAt: number
  readonly attempt: number
  /** Position of the tail when the present attempt began. */
  readonly attemptAt: number
  /** Number of consecutive attempts before it that died without a record. */
  readonly barren: number
  /** How often it began anew. */
  readonly restarts?: number
}

export function encodeRunRecord({ end: _, ...record }: RunRecord): Json {
  // A `RunRecord` without its undefined members is JSON; serialising it leaves them out.
  return { run: record as unknown as Json }
}

/** Bytes of a record as JSON. */
export function sizeOfRunRecord(record: RunRecord): number {
  return Buffer.byteLength(JSON.stringify(encodeRunRecord(record)))
}

/** The run of a stream; undefined for a stream that is not a run. */
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

/**
 * The end of a run whose stream was closed with `end`. Without a run's end, the stream was closed by another writer,
 * and the run counts as interrupted.
 */
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

/** A member for a spread; no member for undefined. */
function given<Name extends string, T>(name: Name, value: T | undefined): { readonly [name in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in Name]?: T }
}
