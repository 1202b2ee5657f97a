/**
 * The bodies of requests, bounded each and all together. Small bodies are not counted, so that large ones, however
 * slow, keep no ordinary request out.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { type Json, JsonError, parseJson } from '../../protocol/json.ts'
import { GatheredBytes } from './writes/gathered-bytes.ts'
import { Refusal } from './refusal.ts'

/** Bytes of a body that are not counted, and that it may have beside its content. */
const SMALL = 64 * 1024

/** Bytes that all bodies together may hold beyond that; a single body may be larger. */
const TOTAL = 64 * 1024 * 1024

const EMPTY = Buffer.alloc(0)

export class Bodies {
  readonly #longest: number
  readonly #total: number
  readonly #held = new Map<Request, number>()
  #bytes = 0

  /** @param bytes most bytes of the content: the input of a run, the records of an append. */
  constructor(bytes: number) {
    this.#longest = bytes + SMALL
    this.#total = Math.max(TOTAL, bytes)
  }

  /**
   * The body of a request as JSON. It counts as held until `release`.
   *
   * @throws {Refusal} if it is not JSON or too large, and while too much is held.
   */
  async json(request: Request): Promise<Json> {
    const type = request.headers.get('content-type') ?? ''
    // A form of another site cannot send this content type.
    if (!/^application\/json\s*(?:;|$)/i.test(type))
      throw new Refusal('invalid_frame', 'Send JSON as application/json.')
    const bytes = await this.bytes(request)
    // Otherwise it would be stored with replacement characters.
    if (!isUtf8(bytes)) throw new Refusal('invalid_frame', 'The body is not UTF-8.')
    try {
      return parseJson(bytes.toString('utf8'))
    } catch (error) {
      if (error instanceof JsonError) throw new Refusal('invalid_frame', error.message)
      throw error
    }
  }

  /**
   * The body of a request. It counts as held until `release`. It is read from `incoming`, if that is given and
   * unread: a web stream costs more than a small append.
   *
   * @throws {Refusal} as soon as it is known to be too large, and while too much is held.
   */
  async bytes(request: Request, incoming?: IncomingMessage): Promise<Buffer> {
    // Checked before the body comes, so that the client need not send it.
    this.#check(Number(request.headers.get('content-length') ?? 0))
    const own = incoming && isUntouched(incoming) ? incoming : undefined
    // A small body has arrived together with its head.
    if (own?.complete && !own.destroyed) return this.#take(request, (own.read() as Buffer | null) ?? EMPTY)
    const body = new GatheredBytes()
    // The connection must still carry the refusal of a body that is too large.
    const source = own?.iterator({ destroyOnReturn: false }) ?? request.body ?? []
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      this.#check(body.size + chunk.length)
      this.#hold(request, body.size + chunk.length - SMALL)
      body.add(chunk)
    }
    return body.take()
  }

  /** Call this when the request was answered. */
  release(request: Request): void {
    this.#bytes -= this.#held.get(request) ?? 0
    this.#held.delete(request)
  }

  #take(request: Request, body: Buffer): Buffer {
    this.#check(body.length)
    this.#hold(request, body.length - SMALL)
    return body
  }

  #check(size: number): void {
    if (size <= this.#longest) return
    throw new Refusal('request_too_large', `The body is larger than ${this.#longest} bytes.`)
  }

  #hold(request: Request, bytes: number): void {
    if (bytes <= 0) return
    const more = bytes - (this.#held.get(request) ?? 0)
    if (this.#bytes + more > this.#total) throw new Refusal('too_much_at_once')
    this.#bytes += more
    this.#held.set(request, bytes)
  }
}

/** Whether no middleware has read the body. */
function isUntouched(incoming: IncomingMessage): boolean {
  return !incoming.readableDidRead && !('rawBody' in incoming)
}
