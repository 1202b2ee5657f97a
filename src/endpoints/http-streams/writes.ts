/** Writing to streams over HTTP: `PUT` creates one, `POST` appends to it, closes it, or both. */
import type { Buffer } from 'node:buffer'
import type { Scope } from '../../consumers/scope.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { StreamStore } from '../../streams/store.ts'
import { answerAppend } from './append-answer.ts'
import { appendOf } from './append-headers.ts'
import { Bodies } from './bodies.ts'
import { creationOf } from './creation.ts'
import type { Exchange } from './exchange.ts'
import type { Exchanges } from './exchanges.ts'
import { recordsIn } from './record-body.ts'
import { Refusal } from './refusal.ts'
import { streamHeaders } from './stream-headers.ts'

export class Writes {
  readonly #store: StreamStore
  readonly #exchanges: Exchanges
  readonly #bodies: Bodies

  constructor({ store }: { readonly store: StreamStore }, exchanges: Exchanges) {
    this.#store = store
    this.#exchanges = exchanges
    this.#bodies = new Bodies(store.limits.appendBytes)
  }

  /** Creates a stream, or finds that it is there as it was asked for. */
  readonly put = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, () =>
      this.#withBody(request, (body) => this.#create(request, exchange, body)),
    )

  /** Appends what is in the body. A run's stream is the run's alone, and so is a closed one nobody's. */
  readonly post = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#exchanges.answer(exchange, async () => {
      // Before anything is read of what goes nowhere.
      const { id, incarnation } = await this.#exchanges.find(exchange)
      const asked = appendOf(request.headers)
      return await this.#withBody(request, async (body) => {
        const records = body.length === 0 ? undefined : this.#recordsOf(request, body)
        const append = { ...asked, ...records, incarnation }
        return answerAppend(await this.#store.append(id, append, exchange.signal), append)
      })
    })

  async #create(
    request: Request,
    { params: { id }, scope, signal }: Exchange,
    body: Buffer,
  ): Promise<Response> {
    const { access } = this.#exchanges
    const owner = access.ownerOf(scope.user)
    if (!access.mayExist(id)) throw new Refusal('stream_name_refused')
    const config = creationOf(request.headers)
    const records = recordsIn(body, config.contentType, this.#store.limits)
    const whose = owner === undefined ? {} : { owner }
    const created = await this.#store.create(id, { ...config, ...whose, records }, signal)
    if (created.outcome !== 'created' && created.outcome !== 'exists') throw new Refusal('stream_differs')
    const { contentType, tail, closed, end } = created.info
    const headers = {
      ...streamHeaders({ next: tail, upToDate: false, closed, end }),
      'content-type': contentType,
      ...(created.outcome === 'created' && { location: urlOf(scope) }),
    }
    return new Response(null, { status: created.outcome === 'created' ? 201 : 200, headers })
  }

  /** What a close that brings nothing says of its content does not matter. */
  #recordsOf(request: Request, body: Buffer): { records: ReturnType<typeof recordsIn>; contentType: string } {
    const contentType = request.headers.get('content-type')
    if (contentType === null) throw new HttpError('bad_request', 'Say what is appended: its Content-Type.')
    const records = recordsIn(body, contentType, this.#store.limits)
    if (records.length === 0) throw new HttpError('bad_request', 'An empty array appends nothing.')
    return { records, contentType }
  }

  async #withBody(request: Request, respond: (body: Buffer) => Promise<Response>): Promise<Response> {
    try {
      return await respond(await this.#bodies.bytes(request))
    } finally {
      this.#bodies.release(request)
    }
  }
}

/** Where a stream is from now on, as its creator sees it. */
function urlOf({ scheme, host, rootPath, path }: Scope<unknown>): string {
  return `${scheme}://${host}${rootPath}${path}`
}
