/**
 * The streams over plain HTTP: read from an offset, wait for more, follow as server-sent events,
 * start and stop. docs/http-streams.md is the specification; offsets and owners are those of the
 * stream socket.
 */
import { libraryLogger } from '../../logging/logger.ts'
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { Json } from '../../protocol/json.ts'
import { type AskedPlace, OffsetError, isAt, parsePlace } from '../../protocol/offset.ts'
import { isChat, isStreamId, readClientFrame } from '../../protocol/stream-frames.ts'
import { removeRun } from '../../runs/remove-run.ts'
import { readRunRecord } from '../../runs/run-record.ts'
import type { StreamInfo, StreamStore } from '../../streams/store.ts'
import { latestRun } from '../latest-run.ts'
import { StartGate } from '../start-gate.ts'
import { StreamAccess } from '../stream-access.ts'
import type { StreamServices } from '../stream-services.ts'
import type { StartHandler } from '../stream-socket/stream-socket.ts'
import { Bodies } from './bodies.ts'
import { type CatchUp, answerWith, holdAnswer, nextRecords, nothingNew, readAfter } from './catch-up.ts'
import { Deadlines } from '../deadlines.ts'
import type { Exchange } from './exchange.ts'
import { Refusal, refuse, refusedOffset } from './refusal.ts'
import { followAsEvents } from './sse.ts'
import { PRIVATE, streamHeaders } from './stream-headers.ts'
import { listStreams } from './stream-list.ts'

export interface HttpStreamsOptions extends StreamServices {
  /** Without it clients start nothing. */
  readonly start?: StartHandler
  /** Seconds between two signs of life on server-sent events. Default 15. */
  readonly signInterval?: number
  /** Seconds that a long poll waits. Default 25. */
  readonly longPollTimeout?: number
  /** See `StreamSocketOptions`. */
  readonly returnAfter?: number
  readonly returnSpread?: number
}

export class HttpStreams {
  readonly #options: HttpStreamsOptions
  readonly #access: StreamAccess
  readonly #gate: StartGate
  readonly #logger: Logger
  readonly #signs: Deadlines
  readonly #polls: Deadlines
  readonly #bodies: Bodies

  constructor(options: HttpStreamsOptions) {
    this.#options = options
    this.#access = new StreamAccess(options)
    this.#gate = options.gate ?? new StartGate({ logger: options.logger })
    this.#logger = options.logger ?? libraryLogger()
    this.#signs = new Deadlines(options.signInterval ?? 15)
    this.#polls = new Deadlines(options.longPollTimeout ?? 25)
    this.#bodies = new Bodies(options.store.limits.recordBytes)
  }

  /** `GET {prefix}/{id}` */
  readonly get = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#answer(exchange, async () => {
      const query = new URL(request.url).searchParams
      const live = query.get('live')
      if (live !== null && live !== 'sse' && live !== 'long-poll') {
        throw new HttpError('bad_request', 'live is sse or long-poll.')
      }
      // An EventSource that comes back says so in a header, and asks the URL that it was made with.
      const resumed = live === 'sse' ? request.headers.get('last-event-id') : null
      const place = placeOf(resumed || query.get('offset'))
      const info = await this.#find(exchange)
      // Before the first byte of an answer, while there is still a status to say it with.
      if (live === 'sse') await checkPlace(this.#options.store, info, place, exchange.signal)
      void this.#access.touch(info, this.#logger)
      if (live === 'sse') return this.#follow(info, place, resumed !== null, exchange)
      return await this.#read(info, place, query, exchange)
    })

  /** `HEAD {prefix}/{id}`: is no sign of life for the stream. */
  readonly head = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#answer(exchange, async () => {
      const { tail, closed, end, contentType } = await this.#find(exchange)
      const headers = streamHeaders({ next: tail, upToDate: true, closed, end })
      return new Response(null, { headers: { ...headers, 'content-type': contentType } })
    })

  /** `POST {prefix}/{id}/stop` */
  readonly stop = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#answer(exchange, async () => {
      const { runs } = this.#options
      if (!runs) throw new Refusal('stop_not_served')
      const { id, incarnation } = await this.#find(exchange)
      return Response.json(await runs.stop(id, { incarnation }), { headers: PRIVATE })
    })

  /** `POST {prefix}` */
  readonly start = (request: Request, exchange: Omit<Exchange, 'params'>): Promise<Response> =>
    this.#answer(exchange as Exchange, async () => {
      const { start } = this.#options
      if (!start) throw new Refusal('start_not_served')
      const { scope, signal } = exchange
      const owner = this.#access.ownerOf(scope.user)
      const whose = owner === undefined ? {} : { owner }
      // Before anything is read of what may be refused.
      this.#gate.count({ ...whose, scope })
      const body = await this.#bodies.read(request)
      const given =
        typeof body === 'object' && !Array.isArray(body) ? (body as Readonly<Record<string, Json>>) : {}
      const frame = readClientFrame({ ...given, type: 'start', req: '-' })
      if (frame.type === 'fault') throw new Refusal('invalid_frame', frame.message)
      if (frame.type !== 'start') throw new Refusal('invalid_frame')
      const { type: _type, req: _req, ...asked } = frame
      const command = { ...asked, ...whose }
      const isThere = async (): Promise<boolean> =>
        asked.id !== undefined && (await this.#access.find(asked.id, scope.user, signal)) !== undefined
      const { id } = await this.#gate.start({ ...command, scope }, signal, isThere, () =>
        start({ ...command, asked: asked.input }, scope as never),
      )
      return Response.json({ stream: id }, { status: 201, headers: PRIVATE })
    }).finally(() => this.#bodies.release(request))

  /** `GET {prefix}`; with `chat`, the run that it had last instead of a list. */
  readonly list = (request: Request, exchange: Omit<Exchange, 'params'>): Promise<Response> =>
    this.#answer(exchange as Exchange, async () => {
      const query = new URL(request.url).searchParams
      const chat = query.get('chat')
      if (chat !== null) return await this.#latest(chat, exchange)
      const page = await listStreams(this.#options.store, this.#access, query, exchange)
      return Response.json(page, { headers: PRIVATE })
    })

  /** `DELETE {prefix}/{id}`: not while a run fills it, whose upstream request would go on unread. */
  readonly delete = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#answer(exchange, async () => {
      const info = await this.#find(exchange)
      const { store } = this.#options
      const run = readRunRecord(info)
      const { incarnation } = info
      if (run) await removeRun(store, info.id, incarnation, run, exchange.signal)
      else await store.delete(info.id, exchange.signal, incarnation)
      return new Response(null, { status: 204, headers: PRIVATE })
    })

  async #latest(chat: string, { scope }: Pick<Exchange, 'scope'>): Promise<Response> {
    const { runs } = this.#options
    if (!runs?.latest) throw new Refusal('latest_not_served')
    if (!isChat(chat)) throw new HttpError('bad_request', 'chat is a text of 1 to 256 characters.')
    return Response.json({ run: await latestRun(runs, this.#access, chat, scope.user) }, { headers: PRIVATE })
  }

  #follow(info: StreamInfo, place: AskedPlace, resumed: boolean, exchange: Exchange): Response {
    const atEnd = isAt(place, info.tail)
    // Nothing else keeps an EventSource from asking for ever.
    if (resumed && info.closed && atEnd)
      return nothingNew({ from: info.tail, next: info.tail, upToDate: true, closed: true, end: info.end })
    const { delivery, returnAfter = 0.5, returnSpread = 5 } = this.#options
    const returnDelay = (): number => returnAfter + Math.random() * returnSpread
    const release = this.#access.follow(info, this.#logger)
    return followAsEvents(info, place, exchange, { delivery, signs: this.#signs, returnDelay, release })
  }

  async #read(
    info: StreamInfo,
    place: AskedPlace,
    query: URLSearchParams,
    exchange: Exchange,
  ): Promise<Response> {
    const { signal } = exchange
    const answer = (found: CatchUp): Response => {
      holdAnswer(delivery, found, exchange)
      return answerWith(info, found, query.get('encoding') === 'base64')
    }
    const { store, delivery } = this.#options
    const there = await readAfter(store, delivery.turns, info.id, place, signal)
    if (there.run || query.get('live') !== 'long-poll') return answer(there)
    if (there.closed) return nothingNew(there)
    const release = this.#access.follow(info, this.#logger)
    const next = await nextRecords(delivery, info, there.next, this.#polls, exchange).finally(release)
    return next?.run ? answer(next) : nothingNew(next ?? there)
  }

  async #find({ params, scope, signal }: Exchange): Promise<StreamInfo> {
    // What cannot be an id is the id of nothing.
    const info = isStreamId(params.id) ? await this.#access.find(params.id, scope.user, signal) : undefined
    if (!info) throw new Refusal('stream_not_found')
    return info
  }

  async #answer(exchange: Exchange, respond: () => Promise<Response>): Promise<Response> {
    try {
      return await respond()
    } catch (error) {
      // Nobody is there any more to read what went wrong, or the server goes down, and that is why.
      if (exchange.signal.aborted) return abandoned(exchange.signal.reason)
      return refuse(error, exchange, this.#logger)
    }
  }
}

function abandoned(reason: unknown): Response {
  return reason instanceof HttpError ? reason.toResponse() : new Response(null, { status: 499 })
}

function placeOf(text: string | null): AskedPlace {
  try {
    return parsePlace(text)
  } catch (error) {
    if (error instanceof OffsetError) throw new Refusal('invalid_offset')
    throw error
  }
}

async function checkPlace(
  store: StreamStore,
  { id, tail }: StreamInfo,
  place: AskedPlace,
  signal: AbortSignal,
): Promise<void> {
  if (typeof place === 'string' || isAt(place, tail)) return
  const page = await store.read(id, place, { maxRecords: 1, maxBytes: 1, signal })
  if (page.outcome === 'missing') throw new Refusal('stream_not_found')
  if (page.outcome !== 'page') throw refusedOffset(page)
}
