/**
 * What is kept of a run in the metadata of its stream, beside the records: `{ run: { … } }`. It is
 * written anew with each attempt and with the end; a large input lies in a stream of its own.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../protocol/json.ts'
import type { RunEnd, RunStatus } from '../protocol/run-end.ts'
import type { StreamInfo } from '../streams/store.ts'
import { endFor } from './end-reasons.ts'
import { member, numberIn } from './json-members.ts'
import type { RunInfo } from './run.ts'

export interface RunRecord {
  readonly status: RunStatus
  readonly reason?: string
  readonly message?: string
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
}

export function encodeRunRecord(record: RunRecord): Json {
  // A `RunRecord` is JSON once what is undefined is left out, which writing it as text does.
  return { run: record as unknown as Json }
}

/** Bytes of a record as JSON. */
export function sizeOfRunRecord(record: RunRecord): number {
  return Buffer.byteLength(JSON.stringify(encodeRunRecord(record)))
}

/** The record with its end. */
export function endedRecord(record: RunRecord, end: RunEnd): RunRecord {
  return { ...record, ...end }
}

/**
 * The run of a stream; undefined for a stream that is none. A run whose stream somebody closed from
 * outside counts as interrupted.
 */
export function readRunRecord({ metadata, closed }: StreamInfo): RunRecord | undefined {
  const run = member(metadata, 'run')
  const status = STATUSES.find((known) => known === member(run, 'status'))
  const startedAt = numberIn(run, 'startedAt')
  const attempt = numberIn(run, 'attempt')
  if (status === undefined || startedAt === undefined || attempt === undefined) return undefined
  const record: RunRecord = {
    status,
    startedAt,
    attempt,
    attemptAt: numberIn(run, 'attemptAt') ?? 0,
    barren: numberIn(run, 'barren') ?? 0,
    ...texts(run),
    ...given('metadata', member(run, 'metadata')),
    ...given('input', member(run, 'input')),
  }
  return closed && status === 'running' ? endedRecord(record, endFor('interrupted')) : record
}

export function runInfo({ id, owner, tail }: StreamInfo, record: RunRecord): RunInfo {
  const { status, reason, message, chat, metadata, kind, retryOf, startedAt, attempt } = record
  return {
    id,
    status,
    ...given('reason', reason),
    ...given('message', message),
    ...given('owner', owner),
    ...given('chat', chat),
    ...given('metadata', metadata),
    ...given('kind', kind),
    ...given('retryOf', retryOf),
    startedAt,
    attempt,
    tail,
  }
}

/** The end that a record tells of; undefined while the run goes on. */
export function endOf({ status, reason, message }: RunRecord): RunEnd | undefined {
  if (status === 'running') return undefined
  return { status, ...given('reason', reason), ...given('message', message) }
}

const STATUSES: readonly RunStatus[] = ['running', 'completed', 'stopped', 'failed']
const TEXTS = ['reason', 'message', 'chat', 'kind', 'inputIn', 'asked', 'retryOf'] as const

function texts(run: Json | undefined): { readonly [name in (typeof TEXTS)[number]]?: string } {
  const found = TEXTS.map((name) => [name, member(run, name)] as const)
  return Object.fromEntries(found.filter(([, value]) => typeof value === 'string'))
}

/** A member for a spread: nothing at all for undefined. */
function given<Name extends string, T>(name: Name, value: T | undefined): { readonly [name in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in Name]?: T }
}
