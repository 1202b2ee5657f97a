/** `GET …`: the records after an offset, as many as one answer holds; and `live=long-poll`, which waits. */
import { Buffer } from 'node:buffer'
import { Outlet } from '../../../delivery/outlet.ts'
import type { FollowEnd } from '../../../delivery/reader.ts'
import type { Delivery } from '../../../delivery/delivery.ts'
import type { Batch, SharedEncoder } from '../../../delivery/batch.ts'
import { LARGE } from '../../../delivery/large-frames.ts'
import { Span } from '../../../delivery/batch.ts'
import type { LoopTurns } from '../../../delivery/turns.ts'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { recordKindOf } from '../../../streams/bookkeeping/requests.ts'
import type { StreamStore } from '../../../streams/store.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { Deadlines } from '../../../time/deadlines.ts'
import type { StreamAnswer } from '../stream-answer.ts'
import type { Exchange } from '../exchange.ts'
import { Refusal, refusedOffset } from '../refusal.ts'
import { BASE64, streamHeaders } from '../stream-headers.ts'
import type { StreamPlace } from '../stream-headers.ts'

/** Length of records at which an answer is full. */
const FULL = 1024 * 1024
/** Number of records at which an answer is full: short ones cost by their number. */
const MAX_RECORDS = 20_000

export interface AnswerRecords extends StreamPlace {
  /** Undefined without records. */
  readonly span: Span | undefined
}

/** Reads the records of one answer. A stream whose records are missing is answered as not found. */
export async function readAfter(
  store: StreamStore,
  turns: LoopTurns,
  { id, incarnation }: Pick<StreamInfo, 'id' | 'incarnation'>,
  place: Place,
  signal: AbortSignal,
): Promise<AnswerRecords> {
  const spans: Span[] = []
  let size = 0
  let count = 0
  let at = place
  let from: Offset | undefined
  for (;;) {
    await turns.pass()
    const page = await store.read(id, at, { maxBytes: FULL - size, incarnation, signal })
    if (page.outcome === 'missing') throw new Refusal('stream_not_found')
    if (page.outcome !== 'page') throw refusedOffset(page)
    from ??= page.from
    const length = page.next.position - page.from.position
    if (length > 0) {
      const span = Span.of(page, length)
      turns.spend(span.size)
      spans.push(span)
      size += span.size
      count += length
    }
    at = page.next
    if (page.upToDate || size >= FULL || count >= MAX_RECORDS) {
      const { next, upToDate, closed, end } = page
      return { span: spans.length > 0 ? Span.join(spans) : undefined, from, next, upToDate, closed, end }
    }
  }
}

/**
 * The records as an array of JSON values, each as it was written; or as bytes, concatenated, or as an array of base64
 * texts.
 *
 * @param more headers about caching.
 */
export function answerWith(
  info: StreamInfo,
  { span, ...place }: AnswerRecords,
  base64: boolean,
  more: Readonly<Record<string, string>>,
): StreamAnswer {
  const headers = { ...streamHeaders(place), ...more }
  if (base64 && recordKindOf(info.contentType) === 'bytes') {
    const texts = (span?.records ?? []).map((bytes) => Buffer.from(bytes as Uint8Array).toString('base64'))
    const type = { 'content-type': 'application/json' }
    return { status: 200, headers: { ...headers, ...BASE64, ...type }, body: JSON.stringify(texts) }
  }
  return { status: 200, headers: { ...headers, 'content-type': info.contentType }, body: bodyOf(info, span) }
}

/** Bodies by their records: ten thousand polls of one stream share one body. */
const bodies = new WeakMap<Span, Buffer<ArrayBuffer>>()

function bodyOf(info: StreamInfo, span: Span | undefined): string | Buffer<ArrayBuffer> {
  if (!span) return recordKindOf(info.contentType) === 'json' ? '[]' : ''
  const known = bodies.get(span)
  if (known) return known
  const body = bytesOf(span)
  bodies.set(span, body)
  return body
}

function bytesOf(span: Span): Buffer<ArrayBuffer> {
  if (span.json) return Buffer.concat([OPEN, span.json, CLOSE])
  return span.text === undefined ? Buffer.concat(span.records as Uint8Array[]) : Buffer.from(`[${span.text}]`)
}

const OPEN = Buffer.from('[')
const CLOSE = Buffer.from(']')

/**
 * Counts a large answer as held until it is sent, as large frames are.
 *
 * @throws {Refusal} when there is no room for it.
 */
export function holdAnswer(delivery: Delivery, { span }: AnswerRecords, { outgoing }: Exchange): void {
  if (!span || span.size <= LARGE || !outgoing || outgoing.destroyed) return
  const held = delivery.large.tryHold(span.size, {
    whenFree: (free) => void outgoing.once('close', free),
    cut: () => void outgoing.destroy(),
  })
  if (!held) throw new Refusal('too_much_at_once')
}

/** The answer when no records came in time, or none will. */
export function nothingNew(place: StreamPlace): StreamAnswer {
  return { status: 204, headers: streamHeaders(place) }
}

const sameBatch: SharedEncoder<Batch> = { encode: (batch) => batch }

/**
 * Waits at the tail for the next records, or the close. Undefined when none came in time, the reader left, or is no
 * longer signed in.
 */
export function nextRecords(
  delivery: Delivery,
  info: StreamInfo,
  at: Offset,
  polls: Deadlines,
  { signal, whileSignedIn }: Pick<Exchange, 'signal' | 'whileSignedIn'>,
): Promise<AnswerRecords | undefined> {
  return new Promise((resolve) => {
    const finish = (result: AnswerRecords | undefined): void => {
      follow.stop()
      outlet.gone()
      polls.delete(giveUp)
      leave?.()
      signal.removeEventListener('abort', giveUp)
      resolve(result)
    }
    const giveUp = (): void => finish(undefined)
    const take = (batch: Batch): boolean => {
      const { span, from, next } = batch
      finish({
        span,
        from,
        next,
        upToDate: batch.reach !== 'more',
        closed: batch.reach === 'closed',
        end: batch.end,
      })
      return false
    }
    const over = (how: FollowEnd): void => {
      if (how.type !== 'end') return finish(undefined)
      const { at: next, end } = how
      finish({ span: undefined, from: next, next, upToDate: true, closed: true, end })
    }
    const outlet = new Outlet({ write: take })
    const follow = delivery.follow(info.id, {
      place: at,
      outlet,
      encoder: sameBatch,
      observer: { opened: () => {}, over },
      incarnation: info.incarnation,
      first: info.first,
    })
    polls.add(giveUp)
    // A reader that returns is authenticated again.
    const leave = whileSignedIn?.(giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) giveUp()
  })
}
