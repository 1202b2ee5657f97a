/**
 * Streams over plain HTTP, for readers: read from an offset, wait for more, follow as server-sent events, start, stop
 * and remove runs. docs/http-streams.md is the specification; offsets and owners are those of the stream socket.
 */
import { HttpError } from '../../protocol/errors.ts'
import type { Json } from '../../protocol/json.ts'
import { isChat, readClientFrame } from '../../protocol/stream-frames.ts'
import { latestRun } from '../latest-run.ts'
import { StartGate } from '../start-gate.ts'
import { type StartHandler, askedOf } from '../start-handler.ts'
import type { StreamAccessOptions } from '../stream-access.ts'
import type { StreamServices } from '../stream-services.ts'
import { Bodies } from './bodies.ts'
import type { Exchange } from './exchange.ts'
import { Exchanges } from './exchanges.ts'
import { type HttpReadOptions, Reads } from './reads/reads.ts'
import { Refusal } from './refusal.ts'
import { PRIVATE } from './stream-headers.ts'
import { listStreams } from './reads/stream-list.ts'

export interface HttpStreamsOptions extends StreamServices, HttpReadOptions {
  /** Without it, clients cannot start runs. */
  readonly start?: StartHandler
}

export class HttpStreams {
  /** `GET`, `HEAD` and `DELETE {prefix}/{id}` */
  readonly reads: Reads
  readonly #options: HttpStreamsOptions
  readonly #exchanges: Exchanges
  readonly #gate: StartGate
  readonly #bodies: Bodies

  /** @param options.lookUp which streams are served: see `StreamAccessOptions`. */
  constructor(options: HttpStreamsOptions & Pick<StreamAccessOptions, 'lookUp'>) {
    this.#options = options
    this.#exchanges = new Exchanges(options)
    this.reads = new Reads(options, this.#exchanges)
    this.#gate = options.gate ?? new StartGate({ logger: options.logger })
    this.#bodies = new Bodies(options.store.limits.recordBytes)
  }

  /** `POST {prefix}/{id}/stop` */
  readonly stop = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      const { runs } = this.#options
      if (!runs) throw new Refusal('stop_not_served')
      const { id, incarnation } = (await this.#exchanges.find(exchange, 'append')).info
      return Response.json(await runs.stop(id, { incarnation }), { headers: PRIVATE })
    })

  /** `POST {prefix}` */
  readonly start = (request: Request, exchange: Omit<Exchange, 'params'>): Promise<Response> =>
    this.#exchanges
      .answer(exchange, async () => {
        const { start } = this.#options
        if (!start) throw new Refusal('start_not_served')
        const { scope, signal } = exchange
        const owner = this.#exchanges.access.ownerOf(scope.user)
        const whose = owner === undefined ? {} : { owner }
        // Counted before the body is read.
        this.#gate.count({ ...whose, scope })
        const body = await this.#bodies.json(request)
        const given =
          typeof body === 'object' && !Array.isArray(body) ? (body as Readonly<Record<string, Json>>) : {}
        const frame = readClientFrame({ ...given, type: 'start', req: '-' })
        if (frame.type === 'fault') throw new Refusal('invalid_frame', frame.message)
        if (frame.type !== 'start') throw new Refusal('invalid_frame')
        const { type: _type, req: _req, ...asked } = frame
        const command = { ...asked, ...whose }
        const isThere = async (): Promise<boolean> =>
          asked.id !== undefined &&
          (await this.#exchanges.access.find(asked.id, scope.user, signal)) !== undefined
        const { id } = await this.#gate.start({ ...command, scope }, signal, isThere, () =>
          start({ ...command, asked: askedOf(asked) }, scope as never),
        )
        return Response.json({ stream: id }, { status: 201, headers: PRIVATE })
      })
      .finally(() => this.#bodies.release(request))

  /** `GET {prefix}`; with `chat`, the latest run of that chat instead of a list. */
  readonly list = (request: Request, exchange: Omit<Exchange, 'params'>): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      const query = new URL(request.url).searchParams
      const chat = query.get('chat')
      if (chat !== null) return await this.#latest(chat, exchange)
      const page = await listStreams(this.#options.store, this.#exchanges.access, query, exchange)
      return Response.json(page, { headers: PRIVATE })
    })

  async #latest(chat: string, { scope }: Pick<Exchange, 'scope'>): Promise<Response> {
    const { runs } = this.#options
    if (!runs?.latest) throw new Refusal('latest_not_served')
    if (!isChat(chat)) throw new HttpError('bad_request', 'chat is a text of 1 to 256 characters.')
    return Response.json(
      { run: await latestRun(runs, this.#exchanges.access, chat, scope.user) },
      { headers: PRIVATE },
    )
  }
}
