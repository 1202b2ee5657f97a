/**
 * Decides how much of a log is kept, by bytes and by age. Pure, like `bookkeeping.ts`; a store stores the decision in
 * one step with the records.
 *
 * The time of each record is not stored. A stream with an age has age spans: records that came within a sixteenth of
 * the age of each other. A span is removed when all of it is too old, so a record is kept for its age and up to a
 * sixteenth longer.
 */
import { StreamRequestError } from '../errors.ts'
import type { Retention, RetentionOption } from '../retention.ts'
import type { StreamConfig } from '../store.ts'
import { checkInteger, MAX_MS } from './requests.ts'

/** What a store stores of a retention. */
export interface KeptRetention {
  readonly ageMs: number | undefined
  readonly bytes: number | undefined
}

/** Records from a position on: the first came at `at`, the last less than a step later. */
export interface AgeSpan {
  readonly at: number
  readonly from: number
}

const STEPS = 16
/** Most spans of a stream; more than there are while sweeps come in time. */
export const MOST_SPANS = 64
const MOST_SLACK = 64 * 1024

/** @throws {StreamRequestError} `invalid_retention` for an invalid retention. */
export function checkRetention({ age, bytes }: Retention): KeptRetention | undefined {
  if (age !== undefined && !(age >= 0.001 && age * 1000 <= MAX_MS)) {
    throw new StreamRequestError(
      'invalid_retention',
      `A retention has an age of 0.001 to ${MAX_MS / 1000} seconds`,
    )
  }
  if (bytes !== undefined)
    checkInteger(bytes, 1, Number.MAX_SAFE_INTEGER, 'invalid_retention', 'The bytes of a retention')
  if (age === undefined && bytes === undefined) return undefined
  return { ageMs: age === undefined ? undefined : Math.round(age * 1000), bytes }
}

/** A configuration, with the store's retention if it has none of its own. */
export function withRetention(
  id: string,
  config: StreamConfig,
  option: RetentionOption | undefined,
): StreamConfig {
  if (option === undefined || config.retention !== undefined) return config
  const retention = typeof option === 'function' ? option({ id, owner: config.owner }) : option
  return retention === undefined ? config : { ...config, retention }
}

/** The retention as told in the info of a stream. */
export function retentionOf({ ageMs, bytes }: KeptRetention): Retention {
  return { ...(ageMs !== undefined && { age: ageMs / 1000 }), ...(bytes !== undefined && { bytes }) }
}

/** Bytes at which a log is trimmed: more than are kept, so that not every append trims. */
export function fullFrom(bytes: number): number {
  return bytes + Math.min(Math.floor(bytes / 8), MOST_SLACK) + 1
}

/** The length of a span, in milliseconds. */
export function stepOf(ageMs: number): number {
  return Math.max(1, Math.ceil(ageMs / STEPS))
}

/**
 * The spans after records came from a position on. The same list if they belong to the last span. Without sweeps for
 * long, pairs of spans are merged, and kept for the time of the later.
 */
export function withAppended(
  spans: readonly AgeSpan[],
  from: number,
  now: number,
  ageMs: number,
): readonly AgeSpan[] {
  const last = spans.at(-1)
  if (last && now - last.at < stepOf(ageMs)) return spans
  return [...(spans.length < MOST_SPANS ? spans : halved(spans)), { at: now, from }]
}

function halved(spans: readonly AgeSpan[]): AgeSpan[] {
  const halves: AgeSpan[] = []
  for (let n = 0; n < spans.length; n += 2) {
    const [first, second] = spans.slice(n, n + 2)
    if (first) halves.push({ at: Math.max(first.at, second?.at ?? 0), from: first.from })
  }
  return halves
}

export interface Aged {
  /** The position before the first record that is young enough, or the tail; undefined if none is too old. */
  readonly before: number | undefined
  readonly spans: readonly AgeSpan[]
  /** When to look again. */
  readonly due: number
}

/**
 * What is too old, by a trusted clock. Spans that begin later than now were noted while the clock was ahead: their
 * records are kept for their age from now.
 */
export function agedBy(spans: readonly AgeSpan[], tail: number, now: number, ageMs: number): Aged {
  const step = stepOf(ageMs)
  const kept = spans.findIndex(({ at }) => Math.min(at, now) + step + ageMs > now)
  const young = kept === -1 ? [] : spans.slice(kept)
  const before = kept === 0 || spans.length === 0 ? undefined : (young[0]?.from ?? tail)
  const left = young.map(({ at, from }) => ({ at: Math.min(at, now), from }))
  return { before, spans: left, due: (left[0]?.at ?? now) + step + ageMs }
}
