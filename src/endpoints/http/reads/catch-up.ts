/** `GET …`: the records after an offset, as many as one answer holds; and `live=long-poll`, which waits. */
import { Buffer } from 'node:buffer'
import { Outlet } from '../../../delivery/outlet.ts'
import type { FollowEnd } from '../../../delivery/reader.ts'
import type { Delivery } from '../../../delivery/delivery.ts'
import type { Batch, SharedEncoder } from '../../../delivery/batch.ts'
import { LARGE } from '../../../delivery/large-frames.ts'
import { Run } from '../../../delivery/span.ts'
import type { Turns } from '../../../delivery/turns.ts'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { kindOf } from '../../../streams/bookkeeping/requests.ts'
import type { StreamStore } from '../../../streams/store.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { Deadlines } from '../../../time/deadlines.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { Refusal, refusedOffset } from '../refusal.ts'
import { BASE64, streamHeaders } from '../stream-headers.ts'
import type { StreamPlace } from '../stream-headers.ts'

/** Length of the records from which an answer is full. */
const FULL = 1024 * 1024
/** And how many: of short ones it is their number that costs. */
const MAX_RECORDS = 20_000

export interface CatchUp extends StreamPlace {
  /** Undefined where there are none. */
  readonly run: Run | undefined
}

/** Reads one answer's worth. A stream whose records are missing is no stream. */
export async function readAfter(
  store: StreamStore,
  turns: Turns,
  { id, incarnation }: Pick<StreamInfo, 'id' | 'incarnation'>,
  place: Place,
  signal: AbortSignal,
): Promise<CatchUp> {
  const runs: Run[] = []
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
      const run = Run.of(page, length)
      turns.spend(run.size)
      runs.push(run)
      size += run.size
      count += length
    }
    at = page.next
    if (page.upToDate || size >= FULL || count >= MAX_RECORDS) {
      const { next, upToDate, closed, end } = page
      return { run: runs.length > 0 ? Run.join(runs) : undefined, from, next, upToDate, closed, end }
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
  { run, ...place }: CatchUp,
  base64: boolean,
  more: Readonly<Record<string, string>>,
): Answer {
  const headers = { ...streamHeaders(place), ...more }
  if (base64 && kindOf(info.contentType) === 'bytes') {
    const texts = (run?.records ?? []).map((bytes) => Buffer.from(bytes as Uint8Array).toString('base64'))
    const type = { 'content-type': 'application/json' }
    return { status: 200, headers: { ...headers, ...BASE64, ...type }, body: JSON.stringify(texts) }
  }
  return { status: 200, headers: { ...headers, 'content-type': info.contentType }, body: bodyOf(info, run) }
}

/** By the records that they hold: ten thousand polls of one stream are answered with one. */
const bodies = new WeakMap<Run, Buffer<ArrayBuffer>>()

function bodyOf(info: StreamInfo, run: Run | undefined): string | Buffer<ArrayBuffer> {
  if (!run) return kindOf(info.contentType) === 'json' ? '[]' : ''
  const known = bodies.get(run)
  if (known) return known
  const body = bytesOf(run)
  bodies.set(run, body)
  return body
}

function bytesOf(run: Run): Buffer<ArrayBuffer> {
  if (run.json) return Buffer.concat([OPEN, run.json, CLOSE])
  return run.text === undefined ? Buffer.concat(run.records as Uint8Array[]) : Buffer.from(`[${run.text}]`)
}

const OPEN = Buffer.from('[')
const CLOSE = Buffer.from(']')

/**
 * A large answer is held until its reader has it, as large frames are.
 *
 * @throws {Refusal} while there is no room for it.
 */
export function holdAnswer(delivery: Delivery, { run }: CatchUp, { outgoing }: Exchange): void {
  if (!run || run.size <= LARGE || !outgoing || outgoing.destroyed) return
  const held = delivery.large.tryHold(run.size, {
    whenFree: (free) => void outgoing.once('close', free),
    cut: () => void outgoing.destroy(),
  })
  if (!held) throw new Refusal('too_much_at_once')
}

/** Nothing came while it was waited for, or nothing will. */
export function nothingNew(place: StreamPlace): Answer {
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
): Promise<CatchUp | undefined> {
  return new Promise((resolve) => {
    const finish = (result: CatchUp | undefined): void => {
      follow.stop()
      outlet.gone()
      polls.delete(giveUp)
      leave?.()
      signal.removeEventListener('abort', giveUp)
      resolve(result)
    }
    const giveUp = (): void => finish(undefined)
    const take = (batch: Batch): boolean => {
      const { run, from, next } = batch
      finish({
        run,
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
      finish({ run: undefined, from: next, next, upToDate: true, closed: true, end })
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
