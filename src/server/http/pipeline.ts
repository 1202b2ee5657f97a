/**
 * The requests that a client sends on one connection without waiting for answers. They are handled one after
 * the other, as RFC 9112 (9.3.2) requires when one of them may change something, so a connection has one
 * answer at a time. When `MOST_WAITING` requests wait, the connection is not read. An upgrade and a malformed
 * request, which end HTTP on the connection, wait for their turn, too.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * Waiting requests at which the connection is not read any more. There may be more, because one read of 64
 * KiB is parsed as a whole.
 */
const MOST_WAITING = 16

/** Reads that are kept after a handshake that waits. */
const MOST_EARLY_CHUNKS = 4

interface Entry {
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
  /** Begins to answer; undefined before it is set, and after it was called. */
  start: (() => void) | undefined
}

/** The server of a pipeline. */
export interface PipelineServer {
  /** Milliseconds for a head, and for a whole request, to arrive; 0 sets no limit. */
  readonly headersTimeout: number
  readonly requestTimeout: number
  /** Counts one waiting request more or less. Returns false when too many wait in this process. */
  countWaiting(change: 1 | -1): boolean
}

export class Pipeline {
  readonly #socket: Duplex
  readonly #server: PipelineServer
  /** In the order of arrival; the first is being answered. */
  readonly #entries: Entry[] = []
  #waiting = 0
  /** Further data is not a request. */
  #ended = false
  /** Whether 'resume' is listened to. */
  #guarded = false
  /** Called when the rest of a request does not come. Its time ran out while the socket was not read. */
  #overdue: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Duplex, server: PipelineServer) {
    this.#socket = socket
    this.#server = server
  }

  /** Adds a request, which counts as unanswered until its response closes. */
  add(incoming: IncomingMessage, outgoing: ServerResponse): void {
    clearTimeout(this.#timer)
    const entry: Entry = { incoming, outgoing, start: undefined }
    this.#entries.push(entry)
    outgoing.once('close', () => this.#over(entry))
  }

  /** Calls `start` when all earlier requests have been answered; never when the client has left by then. */
  whenDue(outgoing: ServerResponse, start: () => void): void {
    const at = this.#entries.findLastIndex((entry) => entry.outgoing === outgoing)
    if (at <= 0) return start()
    ;(this.#entries[at] as Entry).start = start
    this.#wait()
  }

  /**
   * Calls `start` with the data after the head of an upgrade, when all earlier requests have been answered.
   * From now on `node:http` does not own the socket.
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
    // Until now the parser passed this event to the response that is being written.
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
   * A malformed request came, or the rest of a request did not come in time (`isLate`). Calls `answer`, which
   * ends the connection, when all earlier requests have been answered. It gets the response of the request
   * whose body failed, if that request is being handled.
   */
  fail(isLate: boolean, answer: (outgoing?: ServerResponse) => void): void {
    if (this.#ended) return
    const last = this.#entries.at(-1)
    const isBody = last?.incoming?.complete === false
    if (isLate && last && this.#socket.isPaused()) {
      // The client cannot send while the socket is not read.
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

  /** Whether the socket must not be read. */
  get #isFull(): boolean {
    return this.#waiting >= MOST_WAITING || (this.#ended && this.#entries.length > 1)
  }

  #guard(): void {
    if (this.#guarded) return
    this.#guarded = true
    this.#socket.on('resume', this.#onResume)
  }

  readonly #onResume = (): void => {
    // `node:http` also resumes and pauses the socket itself.
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
