/**
 * The records of one stream for all components that show it. Follows the stream while anybody listens,
 * keeps what came, and goes on from there when somebody listens again.
 *
 * Its snapshot changes at most once in a frame, however many records come.
 */
import type { ConnectionState } from '../client/carrier.ts'
import { StreamError } from '../client/errors.ts'
import { Listeners } from '../client/listeners.ts'
import type { StreamStatus } from '../client/remote-reader.ts'
import type { RemoteStream } from '../client/remote-stream.ts'
import type { StreamClient } from '../client/stream-client.ts'
import type { Json } from '../protocol/json.ts'

export interface SourceSnapshot {
  readonly records: readonly unknown[]
  readonly status: StreamStatus
  readonly end: Json | undefined
  readonly error: StreamError | undefined
  readonly connection: ConnectionState
  readonly connectionError: StreamError | undefined
}

/** Milliseconds in a frame of most screens. */
const FRAME = 16

/** Nothing comes behind these. An error may pass: whoever comes back tries again. */
const FINAL: ReadonlySet<StreamStatus> = new Set(['completed', 'stopped', 'failed', 'closed', 'gone'])

export class StreamSource {
  snapshot: SourceSnapshot = {
    records: [],
    status: 'connecting',
    end: undefined,
    error: undefined,
    connection: 'idle',
    connectionError: undefined,
  }
  readonly #client: StreamClient
  readonly #id: string
  readonly #key: string
  readonly #listeners = new Listeners()
  #offset: string
  #count = 0
  #stream: RemoteStream | undefined
  #undo: (() => void)[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #stale = false

  constructor(client: StreamClient, id: string, offset: string) {
    this.#client = client
    this.#id = id
    this.#offset = offset
    this.#key = keyOf(id, offset)
  }

  /** Follows the stream until the last listener has gone. */
  subscribe(listener: () => void): () => void {
    const undo = this.#listeners.add(listener)
    if (this.#count++ === 0) this.#open()
    return () => {
      undo()
      this.#count--
      // Whoever moves from one component to another, or is mounted twice by StrictMode, is back by then.
      queueMicrotask(() => {
        if (this.#count === 0) this.#close()
      })
    }
  }

  #open(): void {
    if (this.#stream || FINAL.has(this.snapshot.status)) return
    try {
      this.#stream = this.#client.stream<unknown>(this.#id, { offset: this.#offset }) as RemoteStream
    } catch (error) {
      // The client was closed. Anything else is a mistake in the program.
      if (!(error instanceof StreamError)) throw error
      this.snapshot = { ...this.snapshot, status: 'error', error, connection: 'closed' }
      return
    }
    const open = openSources.get(this.#client) ?? new Map<string, StreamSource>()
    openSources.set(this.#client, open.set(this.#key, this))
    const changed = (): void => this.#changed()
    this.#undo = [this.#stream.subscribe(changed), this.#client.subscribe(changed)]
    this.#changed()
  }

  #close(): void {
    this.#update()
    for (const undo of this.#undo.splice(0)) undo()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#stream?.close()
    this.#stream = undefined
    const open = openSources.get(this.#client)
    if (open?.get(this.#key) === this) open.delete(this.#key)
  }

  /** Now, or with all else that comes in this frame. */
  #changed(): void {
    this.#stale = true
    if (this.#timer !== undefined) return
    this.#update()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#stale) this.#changed()
    }, FRAME)
  }

  #update(): void {
    const stream = this.#stream
    if (!stream || !this.#stale) return
    this.#stale = false
    const fresh = stream.take()
    this.#offset = stream.offset
    this.snapshot = {
      records: fresh.length > 0 ? this.snapshot.records.concat(fresh) : this.snapshot.records,
      status: stream.status,
      end: stream.end,
      error: stream.error,
      connection: this.#client.state,
      connectionError: this.#client.error,
    }
    this.#listeners.tell()
  }
}

/** The source of a stream from a place that other components follow already, or a new one. */
export function sourceOf(client: StreamClient, id: string, offset: string): StreamSource {
  return openSources.get(client)?.get(keyOf(id, offset)) ?? new StreamSource(client, id, offset)
}

/** Those that are followed; what nobody shows is kept by nobody. */
const openSources = new WeakMap<StreamClient, Map<string, StreamSource>>()

function keyOf(id: string, offset: string): string {
  return `${offset} ${id}`
}
