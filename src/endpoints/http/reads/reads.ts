/** Reading and removing streams over HTTP: `GET`, `HEAD` and `DELETE`, for every endpoint that serves streams. */
import { type AskedPlace, isAt } from '../../../protocol/offset.ts'
import { removeRun } from '../../../runs/records/remove-run.ts'
import { readRunRecord } from '../../../runs/records/run-record.ts'
import type { StreamStore } from '../../../streams/store.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import { Deadlines } from '../../../time/deadlines.ts'
import { milliseconds } from '../../../time/duration.ts'
import type { StreamServices } from '../../stream-services.ts'
import type { StreamAnswer } from '../stream-answer.ts'
import { cacheControlOf, etagOf, hasAlready } from './caching.ts'
import {
  type AnswerRecords,
  answerWith,
  holdAnswer,
  nextRecords,
  nothingNew,
  readAfter,
} from './answer-records.ts'
import { nextCursor } from './cursor.ts'
import type { Exchange } from '../exchange.ts'
import type { Exchanges } from '../exchanges.ts'
import { type ReadQuery, readQueryOf } from './read-query.ts'
import { Refusal, refusedOffset } from '../refusal.ts'
import type { Permitted } from '../rights.ts'
import { followAsEvents } from './sse.ts'
import { sseEncoderFor } from './sse-encoding.ts'
import { PRIVATE, streamHeaders } from '../stream-headers.ts'

export interface HttpReadOptions {
  /** Seconds between two signs of life on server-sent events. Default 15. */
  readonly signInterval?: number
  /** Seconds that a long poll waits. Default 25. */
  readonly longPollTimeout?: number
  /** See `StreamSocketOptions`. */
  readonly returnAfter?: number
  readonly returnSpread?: number
}

/** In seconds. */
export const READ_DEFAULTS = { signInterval: 15, longPollTimeout: 25 } as const

export class Reads {
  readonly #options: HttpReadOptions & Pick<StreamServices, 'store' | 'delivery'>
  readonly #exchanges: Exchanges
  readonly #signs: Deadlines
  readonly #polls: Deadlines

  /** @throws {RangeError} naming the duration that is out of range. */
  constructor(options: HttpReadOptions & Pick<StreamServices, 'store' | 'delivery'>, exchanges: Exchanges) {
    const { signInterval = READ_DEFAULTS.signInterval, longPollTimeout = READ_DEFAULTS.longPollTimeout } =
      options
    milliseconds('signInterval', signInterval, { max: Infinity })
    milliseconds('longPollTimeout', longPollTimeout, { min: 0, max: Infinity })
    this.#options = options
    this.#exchanges = exchanges
    this.#signs = new Deadlines(signInterval)
    this.#polls = new Deadlines(longPollTimeout)
  }

  readonly get = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      const query = readQueryOf(request)
      const { place, live } = query
      const { access, logger } = this.#exchanges
      const found = await this.#exchanges.find(exchange, 'read')
      const { info } = found
      // Checked before the first byte of the answer, while the status can still say it.
      if (live === 'sse') await checkPlace(this.#options.store, info, place, exchange.signal)
      void access.touch(info, logger)
      if (live === 'sse') return this.#follow(info, query, exchange)
      return await this.#read(found, query, request, exchange)
    })

  /** Does not touch the stream. */
  readonly head = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      const { tail, closed, end, contentType, ttlMs, expiresAt } = (
        await this.#exchanges.find(exchange, 'read')
      ).info
      const headers = {
        ...streamHeaders({ next: tail, upToDate: true, closed, end }),
        'content-type': contentType,
        ...(ttlMs !== undefined && { 'stream-ttl': String(Math.ceil(ttlMs / 1000)) }),
        // With a TTL, the expiry moves, and would only say when the stream ends if nothing happens.
        ...(expiresAt !== undefined &&
          ttlMs === undefined && { 'stream-expires-at': new Date(expiresAt).toISOString() }),
      }
      return { status: 200, headers }
    })

  /** Refused while a run fills the stream, as its upstream request would continue without readers. */
  readonly delete = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      const { info } = await this.#exchanges.find(exchange, 'delete')
      const { store } = this.#options
      const run = readRunRecord(info)
      const { incarnation } = info
      if (run) await removeRun(store, info.id, incarnation, run, exchange.signal)
      else await store.delete(info.id, exchange.signal, incarnation)
      return { status: 204, headers: PRIVATE }
    })

  #follow(
    info: StreamInfo,
    { place, resumed, cursor, base64 }: ReadQuery,
    exchange: Exchange,
  ): Response | StreamAnswer {
    const atEnd = isAt(place, info.tail)
    // Only a 204 keeps an EventSource from reconnecting for ever.
    if (resumed && info.closed && atEnd)
      return nothingNew({ from: info.tail, next: info.tail, upToDate: true, closed: true, end: info.end })
    const { delivery, returnAfter = 0.5, returnSpread = 5 } = this.#options
    const { access, logger } = this.#exchanges
    return followAsEvents(info, place, exchange, {
      delivery,
      encoder: sseEncoderFor(info.contentType, base64, cursor),
      signs: this.#signs,
      returnDelay: () => returnAfter + Math.random() * returnSpread,
      release: access.follow(info, logger),
    })
  }

  async #read(
    permitted: Permitted,
    query: ReadQuery,
    request: Request,
    exchange: Exchange,
  ): Promise<StreamAnswer> {
    const { info } = permitted
    const { signal } = exchange
    const { place, base64 } = query
    const polls = query.live === 'long-poll'
    const live = polls ? { cursor: nextCursor(query.cursor) } : {}
    const answer = (found: AnswerRecords): StreamAnswer => {
      const told = { ...found, ...live }
      const kept = this.#keeping(permitted, place, told)
      if (kept.etag !== undefined && hasAlready(request, kept.etag))
        return { status: 304, headers: { ...streamHeaders(told), ...kept } }
      holdAnswer(delivery, told, exchange)
      return answerWith(info, told, base64, kept)
    }
    const { store, delivery } = this.#options
    const { access, logger } = this.#exchanges
    const there = await readAfter(store, delivery.turns, info, place, signal)
    if (there.span || !polls) return answer(there)
    if (there.closed) return nothingNew(there)
    const release = access.follow(info, logger)
    const next = await nextRecords(delivery, info, there.next, this.#polls, exchange).finally(release)
    return next?.span ? answer(next) : nothingNew({ ...(next ?? there), ...live })
  }

  /** The tail moves, so an answer from it is not cached. */
  #keeping(
    { info, isEverybodys }: Permitted,
    place: AskedPlace,
    found: AnswerRecords,
  ): { readonly etag?: string; readonly 'cache-control': string } {
    if (place === 'now') return { 'cache-control': 'no-store' }
    return { etag: etagOf(info.incarnation, found), 'cache-control': cacheControlOf(isEverybodys) }
  }
}

async function checkPlace(
  store: StreamStore,
  { id, incarnation, tail }: StreamInfo,
  place: AskedPlace,
  signal: AbortSignal,
): Promise<void> {
  if (typeof place === 'string' || isAt(place, tail)) return
  const page = await store.read(id, place, { maxRecords: 1, maxBytes: 1, incarnation, signal })
  if (page.outcome === 'missing') throw new Refusal('stream_not_found')
  if (page.outcome !== 'page') throw refusedOffset(page)
}
