/** `GET …`: the records after an offset, as many as one answer holds; and `live=long-poll`, which waits. */
import { Buffer } from 'node:buffer'
import { Outlet } from '../../../delivery/outlet.ts'
import type { FollowEnd } from '../../../delivery/reader.ts'
import type { Delivery } from '../../../delivery/delivery.ts'
import type { Batch, SharedEncoder } from '../../../delivery/batch.ts'
import { LARGE } from '../../../delivery/large-frames.ts'
import { Span } from '../../../delivery/batch.ts'
import type { Turns } from '../../../delivery/turns.ts'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { kindOf } from '../../../streams/bookkeeping/requests.ts'
import type { StreamStore } from '../../../streams/store.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { Deadlines } from '../../../time/deadlines.ts'
import type { StreamAnswer } from '../stream-answer.ts'
import type { Exchange } from '../exchange.ts'
import { Refusal, refusedOffset } from '../refusal.ts'
import { BASE64, streamHeaders } from '../stream-headers.ts'
import type { StreamPlace } from '../stream-headers.ts'

/** Length of the records from which an answer is full. */
const FULL = 1024 * 1024
/** And how many: of short ones it is their number that costs. */
const MAX_RECORDS = 20_000

export interface AnswerRecords extends StreamPlace {
  /** Undefined where there are none. */
  readonly span: Span | undefined
}

/** Reads one answer's worth. A stream whose records are missing is no stream. */
export async function readAfter(
  store: StreamStore,
  turns: Turns,
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
 * An array of JSON values, each as it was written; or bytes, one record behind the other, or apart as an
 * array of base64 texts.
 *
 * @param more headers, of how the answer is kept.
 */
export function answerWith(
  info: StreamInfo,
  { span, ...place }: AnswerRecords,
  base64: boolean,
  more: Readonly<Record<string, string>>,
): StreamAnswer {
  const headers = { ...streamHeaders(place), ...more }
  if (base64 && kindOf(info.contentType) === 'bytes') {
    const texts = (span?.records ?? []).map((bytes) => Buffer.from(bytes as Uint8Array).toString('base64'))
    const type = { 'content-type': 'application/json' }
    return { status: 200, headers: { ...headers, ...BASE64, ...type }, body: JSON.stringify(texts) }
  }
  return { status: 200, headers: { ...headers, 'content-type': info.contentType }, body: bodyOf(info, span) }
}

/** By the records that they hold: ten thousand polls of one stream are answered with one. */
const bodies = new WeakMap<Span, Buffer<ArrayBuffer>>()

function bodyOf(info: StreamInfo, span: Span | undefined): string | Buffer<ArrayBuffer> {
  if (!span) return kindOf(info.contentType) === 'json' ? '[]' : ''
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
 * A large answer is held until its reader has it, as large frames are.
 *
 * @throws {Refusal} while there is no room for it.
 */
export function holdAnswer(delivery: Delivery, { span }: AnswerRecords, { outgoing }: Exchange): void {
  if (!span || span.size <= LARGE || !outgoing || outgoing.destroyed) return
  const held = delivery.large.tryHold(span.size, {
    whenFree: (free) => void outgoing.once('close', free),
    cut: () => void outgoing.destroy(),
  })
  if (!held) throw new Refusal('too_much_at_once')
}

/** Nothing came while it was waited for, or nothing will. */
export function nothingNew(place: StreamPlace): StreamAnswer {
  return { status: 204, headers: streamHeaders(place) }
}

const sameBatch: SharedEncoder<Batch> = { encode: (batch) => batch }

/**
 * Waits at the tail for the next records, or the close: undefined when none came in time, the reader went,
 * or is signed in no more.
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
    // Whoever comes back is asked who they are.
    const leave = whileSignedIn?.(giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
    if (signal.aborted) giveUp()
  })
}
