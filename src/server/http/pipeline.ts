/**
 * The requests that a client sends on one connection without waiting for their answers. They are
 * handled one after the other, as RFC 9112 (9.3.2) asks for where one of them may change something, so
 * that a connection costs one answer, however many it asks for. From `MOST_WAITING` on it is not read.
 * What ends HTTP on a connection, an upgrade or a request that is none, waits for its turn, too.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Requests that wait behind the one that is answered, at which the connection is not read on. What came in
 * one read, of 64 KiB, is parsed before anybody is asked, so there may be more.
 */
const MOST_WAITING = 16

/** Reads that are kept of what follows a handshake that waits. */
const MOST_EARLY_CHUNKS = 4

interface Entry {
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
  /** Begins to answer; undefined once it has, and while nobody said who does. */
  start: (() => void) | undefined
}

/** What a pipeline asks and tells its server. */
export interface PipelineServer {
  /** Milliseconds for a head, and for a whole request, to arrive; 0 sets no limit. */
  readonly headersTimeout: number
  readonly requestTimeout: number
  /** One request more waits, or one less. False when too many wait for one process. */
  countWaiting(change: 1 | -1): boolean
}

export class Pipeline {
  readonly #socket: Duplex
  readonly #server: PipelineServer
  /** In the order in which they came; the first is being answered. */
  readonly #entries: Entry[] = []
  #waiting = 0
  /** What comes now is no request any more. */
  #ended = false
  /** Whether 'resume' is listened to. */
  #guarded = false
  /** To be called when the rest of a request does not come, whose time ran out while nobody read it. */
  #overdue: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Duplex, server: PipelineServer) {
    this.#socket = socket
    this.#server = server
  }

  /** Notes a request; it is unanswered until its response is closed. */
  add(incoming: IncomingMessage, outgoing: ServerResponse): void {
    clearTimeout(this.#timer)
    const entry: Entry = { incoming, outgoing, start: undefined }
    this.#entries.push(entry)
    outgoing.once('close', () => this.#over(entry))
  }

  /** Calls `start` once all requests before this one are answered, and never when the client left by then. */
  whenDue(outgoing: ServerResponse, start: () => void): void {
    const at = this.#entries.findLastIndex((entry) => entry.outgoing === outgoing)
    if (at <= 0) return start()
    ;(this.#entries[at] as Entry).start = start
    this.#wait()
  }

  /**
   * Calls `start` with what follows the head of an upgrade, once all requests before it are answered. From
   * here on the socket is not that of `node:http`.
   */
  upgrade(head: Buffer, start: (head: Buffer) => void): void {
    this.#ended = true
    const socket = this.#socket
    socket.off('resume', this.#onResume)
    if (this.#entries.length === 0) return start(head)
    const early = [head]
    const keep = (chunk: Buffer): void => {
      early.push(chunk)
      if (early.length > MOST_EARLY_CHUNKS) socket.pause()
    }
    const leave = (): void => void socket.destroy()
    // Its parser told the response that is being written.
    const drain = (): void => {
      const outgoing = this.#entries[0]?.outgoing
      if (outgoing?.writableNeedDrain) outgoing.emit('drain')
    }
    socket.on('data', keep).once('end', leave).on('error', leave).on('drain', drain)
    this.#push(() => {
      socket.off('data', keep).off('end', leave).off('error', leave).off('drain', drain)
      start(Buffer.concat(early))
    })
  }

  /**
   * What came is no request, or the rest of one did not come in time (`isLate`). Calls `answer`, which ends
   * the connection, when all requests before it are answered; with the response of the request whose body
   * it is about, if that one is being handled.
   */
  fail(isLate: boolean, answer: (outgoing?: ServerResponse) => void): void {
    if (this.#ended) return
    const last = this.#entries.at(-1)
    const isBody = last?.incoming?.complete === false
    if (isLate && last && this.#socket.isPaused()) {
      // Nobody can send what is not read.
      this.#overdue = answer
      return this.#guard()
    }
    this.#ended = true
    clearTimeout(this.#timer)
    if (!last) return answer()
    if (isBody && !last.start) return answer(last.outgoing)
    if (isBody) last.start = answer
    else this.#push(answer)
    this.#guard()
    this.#socket.pause()
  }

  #push(start: () => void): void {
    this.#entries.push({ start })
    this.#wait()
  }

  #wait(): void {
    this.#waiting++
    if (!this.#server.countWaiting(1) && this.#waiting > MOST_WAITING) return void this.#socket.destroy()
    if (this.#waiting !== MOST_WAITING || this.#ended) return
    this.#guard()
    this.#socket.pause()
  }

  /** Whether what the client sends further has to wait in the network. */
  get #isFull(): boolean {
    return this.#waiting >= MOST_WAITING || (this.#ended && this.#entries.length > 1)
  }

  #guard(): void {
    if (this.#guarded) return
    this.#guarded = true
    this.#socket.on('resume', this.#onResume)
  }

  readonly #onResume = (): void => {
    // `node:http` resumes a socket for reasons of its own, and pauses it.
    if (this.#isFull) this.#socket.pause()
    if (this.#overdue === undefined || this.#socket.isPaused()) return
    const answer = this.#overdue
    this.#overdue = undefined
    const last = this.#entries.at(-1)?.incoming
    const body = last?.complete === false ? last : undefined
    const { requestTimeout, headersTimeout } = this.#server
    const expire = (): void => {
      if (!body?.complete) this.fail(true, answer)
    }
    const ms = body ? requestTimeout : headersTimeout
    if (ms > 0) this.#timer = setTimeout(expire, ms).unref()
  }

  #over(entry: Entry): void {
    // Responses close in the order of their requests, or with the connection.
    if (this.#entries[0] !== entry) return
    this.#entries.shift()
    if (this.#socket.writable) this.#next()
    else this.#drop()
  }

  #next(): void {
    const [entry] = this.#entries
    if (!entry?.start) return
    const wasFull = this.#isFull
    const { start } = entry
    entry.start = undefined
    this.#count(-1)
    if (!entry.outgoing) this.#entries.shift()
    start()
    if (wasFull && !this.#isFull && !this.#ended) this.#socket.resume()
  }

  #count(change: -1): void {
    this.#waiting += change
    this.#server.countWaiting(change)
  }

  #drop(): void {
    clearTimeout(this.#timer)
    this.#entries.length = 0
    while (this.#waiting > 0) this.#count(-1)
  }
}
