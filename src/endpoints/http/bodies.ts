/**
 * The bodies of requests: each up to a bound, and all of them together up to another. What is small is not
 * counted, so that large ones, however slowly they come, keep no ordinary request out.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { type Json, JsonError, parseJson } from '../../protocol/json.ts'
import { GatheredBytes } from './writes/gathered-bytes.ts'
import { Refusal } from './refusal.ts'

/** Bytes of a body that are not counted, and that it may have beside what it is for. */
const SMALL = 64 * 1024

/** Bytes that all bodies may hold beyond that, if one alone may not have more. */
const TOTAL = 64 * 1024 * 1024

const EMPTY = Buffer.alloc(0)

export class Bodies {
  readonly #longest: number
  readonly #total: number
  readonly #held = new Map<Request, number>()
  #bytes = 0

  /** @param bytes of what a body is for: the input of a run, the records of an append. */
  constructor(bytes: number) {
    this.#longest = bytes + SMALL
    this.#total = Math.max(TOTAL, bytes)
  }

  /**
   * The body of a request as JSON, which is held until `release`.
   *
   * @throws {Refusal} for what is not JSON, or too large, and while too much is held.
   */
  async json(request: Request): Promise<Json> {
    const type = request.headers.get('content-type') ?? ''
    // A form of another site can post anything but this.
    if (!/^application\/json\s*(?:;|$)/i.test(type))
      throw new Refusal('invalid_frame', 'Send JSON as application/json.')
    const bytes = await this.bytes(request)
    // It would be kept as replacement characters.
    if (!isUtf8(bytes)) throw new Refusal('invalid_frame', 'The body is not UTF-8.')
    try {
      return parseJson(bytes.toString('utf8'))
    } catch (error) {
      if (error instanceof JsonError) throw new Refusal('invalid_frame', error.message)
      throw error
    }
  }

  /**
   * The body of a request, which is held until `release`. It is taken from the message that the request came as,
   * where that is given and nobody has read it: a body as a stream of the platform costs more than a small append.
   *
   * @throws {Refusal} for what is too large, as soon as that is known, and while too much is held.
   */
  async bytes(request: Request, incoming?: IncomingMessage): Promise<Buffer> {
    // Before it comes: a client that says so need not send it.
    this.#check(Number(request.headers.get('content-length') ?? 0))
    const own = incoming && isUntouched(incoming) ? incoming : undefined
    // A small one has come behind its head.
    if (own?.complete && !own.destroyed) return this.#take(request, (own.read() as Buffer | null) ?? EMPTY)
    const body = new GatheredBytes()
    // The connection has still to carry the refusal of one that is too large.
    const source = own?.iterator({ destroyOnReturn: false }) ?? request.body ?? []
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      this.#check(body.size + chunk.length)
      this.#hold(request, body.size + chunk.length - SMALL)
      body.add(chunk)
    }
    return body.take()
  }

  /** The request was answered. */
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

/** Not where middleware has read it, which left it elsewhere. */
function isUntouched(incoming: IncomingMessage): boolean {
  return !incoming.readableDidRead && !('rawBody' in incoming)
}
