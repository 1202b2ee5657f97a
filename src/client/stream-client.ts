/** The way into a Millrace server's streams, from a browser or from Node. */
import type { Json } from '../protocol/json.ts'
import { parsePlace } from '../protocol/offset.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import type { Carrier, ConnectionState } from './carrier.ts'
import { diagnose } from './diagnosis.ts'
import { type StreamError, clientClosed } from './errors.ts'
import { HttpCarrier, type HttpCarrierOptions } from './http-carrier.ts'
import { LargeStarts } from './large-starts.ts'
import { Listeners } from './listeners.ts'
import { Reader, type ReaderHost } from './reader.ts'
import { RemoteStream } from './remote-stream.ts'
import { type SocketFactory, platformSocket } from './socket.ts'
import { SocketCarrier } from './socket-carrier.ts'
import type { TokenSource } from './token.ts'

export interface ClientOptions {
  /**
   * Where the server's HTTP door to streams is, for networks that WebSockets do not get through.
   * Default `/streams` of the same server; false never falls back.
   */
  readonly http?: string | false
  /**
   * Who the user is, for servers that take no cookie: sent as `Authorization: Bearer …` with requests, and in
   * a subprotocol with WebSockets; `bearerToken(request)` reads both. A function is asked before each
   * connection and each request, and with `true` after a token was refused.
   */
  readonly token?: TokenSource
  /** What makes WebSockets; the platform's by default. */
  readonly webSocket?: SocketFactory
  /** What makes requests; by default the platform's, with cookies for a server of another origin too. */
  readonly fetch?: typeof fetch
}

export interface StartOptions {
  /** The conversation that the run belongs to. */
  readonly chat?: string
  /** The run's id; drawn at random by default. The same id starts one run, however often it is sent. */
  readonly id?: string
}

export interface FollowOptions {
  /** Where to begin: an offset, `-1` for the start (the default), `now` for what is yet to come. */
  readonly offset?: string
}

interface Starting {
  /** The command as JSON: what is asked again while it is under way is the same start. */
  readonly asked: string
  readonly started: Promise<string>
}

export class StreamClient {
  readonly #http: Omit<HttpCarrierOptions, 'stateChanged'> | undefined
  readonly #large: LargeStarts
  readonly #listeners = new Listeners()
  /** Those that are not done, also the ones that follow nothing until their records are taken. */
  readonly #readers = new Set<Reader>()
  /** Starts under way, by the id that was asked for: before they are answered, there is nothing to follow. */
  readonly #starts = new Map<string, Starting>()
  readonly #host: ReaderHost
  readonly #end = new AbortController()
  #carrier: Carrier

  constructor(url: string, options: ClientOptions = {}) {
    const { webSocket = platformSocket, token, fetch = platformFetch } = options
    const socketUrl = absolute(url)
    socketUrl.protocol = socketUrl.protocol.replace('http', 'ws')
    const door = doorOf(socketUrl, options.http)
    this.#http = door === undefined ? undefined : { base: door, fetch, token }
    this.#large = new LargeStarts(this.#http)
    this.#carrier = new SocketCarrier({
      url: socketUrl.href,
      open: webSocket,
      token,
      stateChanged: () => this.#listeners.tell(),
      diagnose: () => diagnose({ url: socketUrl.href, door, fetch, token }, this.#end.signal),
      blocked: () => this.#fallBack(),
    })
    this.#host = {
      follow: (reader) => {
        this.#readers.add(reader)
        if (!this.#waits(reader)) this.#follow(reader)
      },
      unfollow: (reader) => {
        if (reader.done) this.#readers.delete(reader)
        this.#carrier.unfollow(reader)
      },
    }
  }

  /** How the connection is. A loss is mended by itself. */
  get state(): ConnectionState {
    return this.#carrier.state
  }

  /**
   * Why there is no connection: while it is made anew what the last attempt came to, and after a refusal what
   * the server said. Undefined while there is one.
   */
  get error(): StreamError | undefined {
    return this.#carrier.error
  }

  /** Calls a listener whenever `state` or `error` changed. Returns the undo. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /**
   * Follows a stream. `Record` is what the stream is known to hold; it is not checked.
   *
   * @throws {OffsetError} for an offset that no server gave.
   * @throws {StreamError} `closed`.
   */
  stream<Record = Json>(id: string, { offset }: FollowOptions = {}): RemoteStream<Record> {
    if (this.#end.signal.aborted) throw clientClosed()
    return new RemoteStream<Record>(new Reader(id, parsePlace(offset), this.#host), () => this.stop(id))
  }

  /**
   * Starts a run by the application's own handler, and follows it. With an `id` it can be called as often as
   * one likes, by an effect that runs twice or a second click: it is one run.
   *
   * @throws {StreamError} when the server refuses.
   */
  async start<Record = Json>(
    input: Json,
    { chat, id = randomId() }: StartOptions = {},
  ): Promise<RemoteStream<Record>> {
    const command = { id, input, ...(chat !== undefined && { chat }) }
    const send = (): Promise<string> => this.#command((carrier) => this.#large.start(carrier, command))
    const asked = JSON.stringify(command)
    const underWay = this.#starts.get(id)
    // Whether it may be the answer to another question, the server knows.
    if (underWay) return this.stream<Record>(await (underWay.asked === asked ? underWay.started : send()))
    const started = send().finally(() => this.#starts.delete(id))
    this.#starts.set(id, { asked, started })
    // Whoever asked for it just now would be told that it is not there.
    for (const reader of this.#readers)
      if (reader.id === id && reader.status === 'connecting') {
        this.#carrier.unfollow(reader)
        this.#waits(reader)
      }
    return this.stream<Record>(await started)
  }

  /**
   * Ends a run, wherever it is and whoever reads it; what came of it stays. Resolves with how it
   * ended, which is `completed` when it was over already.
   *
   * @throws {StreamError} when the server refuses.
   */
  stop(id: string): Promise<RunEnd['status']> {
    return this.#command((carrier) => carrier.stop(id))
  }

  /**
   * The run of a chat that was started last and is still kept, for a page that knows no run: read it with
   * `stream(run.id)`. Undefined when there is none. Its `status` is `running` while it goes on.
   *
   * @throws {StreamError} when the server refuses.
   */
  latest(chat: string): Promise<LatestRun | undefined> {
    return this.#command((carrier) => carrier.latest(chat))
  }

  /** Ends the connection, every loop, and what has no answer yet. Runs go on. */
  close(): void {
    if (this.#end.signal.aborted) return
    this.#end.abort()
    this.#carrier.close()
    this.#large.close()
    for (const reader of Array.from(this.#readers)) reader.close()
  }

  /** Whether its run is being started; it is followed then. */
  #waits(reader: Reader): boolean {
    const follow = (): void => this.#follow(reader)
    return !!this.#starts.get(reader.id)?.started.then(follow, follow)
  }

  #follow(reader: Reader): void {
    if (reader.done || !reader.following) return
    if (this.#end.signal.aborted) return reader.close()
    this.#carrier.follow(reader)
  }

  /** A command belongs to no connection: one that the carrier did not get through goes to the next. */
  async #command<T>(send: (carrier: Carrier) => Promise<T>): Promise<T> {
    const carrier = this.#carrier
    try {
      return await send(carrier)
    } catch (error) {
      if (carrier === this.#carrier) throw error
      return await send(this.#carrier)
    }
  }

  #fallBack(): void {
    if (!this.#http) return
    const blocked = this.#carrier
    this.#carrier = new HttpCarrier({ ...this.#http, stateChanged: () => this.#listeners.tell() })
    blocked.close()
    for (const reader of Array.from(this.#readers)) if (!this.#starts.has(reader.id)) this.#follow(reader)
  }
}

/**
 * Makes a client of the stream socket at this address: a path of the page's own server, or a whole
 * `ws:`, `wss:`, `http:` or `https:` address. It connects when it is first needed.
 *
 * @throws {TypeError} for what is no address, as a path is where there is no page.
 */
export function connect(url: string, options: ClientOptions = {}): StreamClient {
  return new StreamClient(url, options)
}

function absolute(url: string): URL {
  const { location } = globalThis as { location?: { href: string } }
  return new URL(url, location?.href)
}

/** Where streams are served over HTTP; undefined for nowhere. */
function doorOf(socketUrl: URL, http: ClientOptions['http'] = '/streams'): string | undefined {
  if (http === false) return undefined
  return new URL(http, socketUrl.href.replace(/^ws/, 'http')).href.replace(/\/$/, '')
}

/** Looked up each time: a page may put another in its place. */
function platformFetch(...[input, init]: Parameters<typeof fetch>): ReturnType<typeof fetch> {
  return globalThis.fetch(input, init)
}

/** 128 random bits. `randomUUID` would need a page served over https. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
