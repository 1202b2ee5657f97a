/** Writing to streams over HTTP: `PUT` creates one, `POST` appends to it, closes it, or both. */
import type { Buffer } from 'node:buffer'
import { HttpError } from '../../../protocol/errors.ts'
import type { ForkSource } from '../../../streams/forks.ts'
import type { StreamStore } from '../../../streams/store.ts'
import type { Allowances } from './allowances.ts'
import { answerAppend, answerCreate } from './write-answers.ts'
import { appendOf } from './append-headers.ts'
import { Bodies } from '../bodies.ts'
import { creationOf } from './creation.ts'
import { forkOf } from './fork-headers.ts'
import type { StreamAnswer } from '../stream-answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Exchanges } from '../exchanges.ts'
import { recordsIn } from './record-body.ts'
import { Refusal } from '../refusal.ts'

/** The content type of a stream created without one. */
const DEFAULT_TYPE = 'application/octet-stream'

interface Fork {
  readonly contentType: string
  readonly from: ForkSource
}

export class Writes {
  readonly #store: StreamStore
  readonly #exchanges: Exchanges
  readonly #bodies: Bodies
  readonly #allowances: Allowances

  constructor(store: StreamStore, exchanges: Exchanges, allowances: Allowances) {
    this.#store = store
    this.#exchanges = exchanges
    this.#allowances = allowances
    this.#bodies = new Bodies(store.limits.appendBytes)
  }

  /** Creates a stream, or finds that it exists as requested. */
  readonly put = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      // Checked before the body is read.
      const owner = await this.#exchanges.rights.create(exchange.params.id, exchange)
      this.#allowances.countCreation({ owner, scope: exchange.scope })
      return await this.#withBody(request, exchange, owner, (body) =>
        this.#create(request, exchange, owner, body),
      )
    })

  /** Appends the body. The store refuses this for the stream of a run, and for a closed stream. */
  readonly post = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      // Checked before the body is read.
      const { id, incarnation } = (await this.#exchanges.find(exchange, 'append')).info
      const asked = appendOf(request.headers)
      const owner = this.#exchanges.access.ownerOf(exchange.scope.user)
      return await this.#withBody(request, exchange, owner, async (body) => {
        const records = body.length === 0 ? undefined : this.#recordsOf(request, body)
        const append = { ...asked, ...records, incarnation }
        return answerAppend(await this.#store.append(id, append, untilGone(exchange.signal)), append)
      })
    })

  async #create(
    request: Request,
    exchange: Exchange,
    owner: string | undefined,
    body: Buffer,
  ): Promise<StreamAnswer> {
    const { params, scope, signal } = exchange
    const config = creationOf(request.headers)
    const fork = await this.#forkOf(request, exchange)
    const type = config.contentType ?? fork?.contentType ?? DEFAULT_TYPE
    const records = recordsIn(body, type, this.#store.limits)
    const whole = {
      ...config,
      ...(!fork && { contentType: type }),
      ...(fork && { from: fork.from }),
      ...(owner !== undefined && { owner }),
      records,
    }
    const gone = untilGone(signal)
    const isThere = async (): Promise<boolean> =>
      (await this.#exchanges.access.find(params.id, scope.user, gone)) !== undefined
    const created = await this.#allowances.create(owner, gone, isThere, () =>
      this.#store.create(params.id, whole, gone),
    )
    return answerCreate(created, scope)
  }

  /** The source of a fork, and its content type. */
  async #forkOf(request: Request, exchange: Exchange): Promise<Fork | undefined> {
    const { params, scope, signal } = exchange
    const asked = forkOf(request.headers, params.id, scope)
    if (!asked) return undefined
    const { id, ...point } = asked
    const { access, rights } = this.#exchanges
    if (id === undefined) throw new Refusal('source_not_found')
    const source = await rights.find('fork', id, exchange)
    if (source) {
      const { incarnation, contentType } = source.info
      return { contentType, from: { ...point, id, incarnation } }
    }
    // A fork outlives its source, and a repeated request must find it again. The fork's own incarnation cannot match
    // any source, so nothing else is forked by this.
    const there = await access.find(params.id, scope.user, signal)
    if (there?.forkedFrom) {
      const { incarnation, contentType } = there
      return { contentType, from: { ...point, id, incarnation } }
    }
    const isRetired = await access.isRetired(id, scope.user, signal)
    throw new Refusal(isRetired ? 'source_retired' : 'source_not_found')
  }

  /** The content type of an empty body is not checked. */
  #recordsOf(request: Request, body: Buffer): { records: ReturnType<typeof recordsIn>; contentType: string } {
    const contentType = request.headers.get('content-type')
    if (contentType === null)
      throw new HttpError('bad_request', 'The Content-Type of the records is missing.')
    const records = recordsIn(body, contentType, this.#store.limits)
    if (records.length === 0) throw new HttpError('bad_request', 'An empty array appends nothing.')
    return { records, contentType }
  }

  async #withBody(
    request: Request,
    { incoming, scope }: Exchange,
    owner: string | undefined,
    respond: (body: Buffer) => Promise<StreamAnswer>,
  ): Promise<StreamAnswer> {
    const coding = request.headers.get('content-encoding') ?? 'identity'
    // The coding is not stored, so readers would get bytes that they cannot decode.
    if (coding.toLowerCase() !== 'identity')
      throw new Refusal('content_coding_refused', undefined, { 'accept-encoding': 'identity' })
    const writer = { owner, scope }
    this.#allowances.checkBytes(writer)
    try {
      const body = await this.#bodies.bytes(request, incoming)
      this.#allowances.countBytes(writer, body.length)
      return await respond(body)
    } finally {
      this.#bodies.release(request)
    }
  }
}

/**
 * Aborts when the client leaves, but not when the server shuts down: an aborted write may have been written, and a
 * client that is told to retry would send it twice.
 */
function untilGone(signal: AbortSignal): AbortSignal {
  const gone = new AbortController()
  const pass = (): void => {
    if (!(signal.reason instanceof HttpError)) gone.abort(signal.reason)
  }
  if (signal.aborted) pass()
  else signal.addEventListener('abort', pass, { once: true })
  return gone.signal
}
