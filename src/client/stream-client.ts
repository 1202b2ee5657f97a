/** A client of a server's streams, over whatever gets through to it. */
import type { Json } from '../protocol/json.ts'
import { parsePlace } from '../protocol/offset.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import { type AddressOptions, addressOf } from './address.ts'
import type { Carrier, ConnectionState, StartBody } from './carrier.ts'
import { diagnose } from './socket/diagnosis.ts'
import { type StreamError, clientClosed } from './errors.ts'
import { HttpCarrier, type HttpCarrierOptions } from './http/http-carrier.ts'
import { isLarge, isNotServed } from './http/large-starts.ts'
import { Listeners } from './listeners.ts'
import { RemoteReader, type RemoteReaderHost } from './remote-reader.ts'
import { RemoteStream } from './remote-stream.ts'
import { type SocketFactory, platformSocket } from './socket/platform-socket.ts'
import { SocketCarrier } from './socket/socket-carrier.ts'
import { platformFetch } from './network/requests.ts'
import type { TokenSource } from './network/token.ts'

export interface ClientOptions extends AddressOptions {
  /**
   * Says who the user is, for servers that take no cookie: sent as `Authorization: Bearer …` with requests, and in
   * a subprotocol with WebSockets; `bearerToken(request)` reads both. A function is called before each connection
   * and each request, and with `true` after the server refused a token.
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
  /** Which of the application's runs it is, by its name there: what `client.runs.answer` says by itself. */
  readonly kind?: string
  /** The run's id; random by default. The same id starts one run, however often it is sent. */
  readonly id?: string
}

export interface RemoteStreamOptions {
  /** Where to begin: an offset, `-1` for the start (the default), `now` for what is yet to come. */
  readonly offset?: string
}

interface Starting {
  /** The start as JSON, to recognize the same start when it is asked for again. */
  readonly asked: string
  readonly started: Promise<string>
}

export class StreamClient {
  readonly #http: Omit<HttpCarrierOptions, 'stateChanged'> | undefined
  readonly #listeners = new Listeners()
  /** Those that are not done, including those that wait for their records to be taken. */
  readonly #readers = new Set<RemoteReader>()
  /** Starts without an answer, by id: until then there is nothing to follow. */
  readonly #starts = new Map<string, Starting>()
  readonly #host: RemoteReaderHost
  /** Aborts when nothing can be asked any more, with the error that says why. */
  readonly #end = new AbortController()
  #carrier: Carrier
  /** Takes what is too large for a WebSocket. */
  #large: HttpCarrier | undefined

  constructor(url: string, options: ClientOptions = {}) {
    const { webSocket = platformSocket, token, fetch = platformFetch } = options
    const { socket, streams, isWhole } = addressOf(url, options)
    if (!isWhole) this.#end.abort(new TypeError('connect() needs a whole http address, or a page'))
    this.#http = streams === undefined ? undefined : { base: streams, fetch, token }
    this.#carrier = new SocketCarrier({
      url: socket,
      open: webSocket,
      token,
      stateChanged: () => this.#listeners.tell(),
      diagnose: () => diagnose({ url: socket, streamsUrl: streams, fetch, token }, this.#end.signal),
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

  /** The state of the connection. The client connects again by itself. */
  get state(): ConnectionState {
    return this.#carrier.state
  }

  /**
   * Why there is no connection: how the last attempt failed, or what the server refused it with. Undefined while
   * there is one.
   */
  get error(): StreamError | undefined {
    return this.#carrier.error
  }

  /** Calls a listener whenever `state` or `error` changed. Returns the undo. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /**
   * Follows a stream. `Record` is what the caller knows the stream to hold; nothing checks it.
   *
   * @throws {OffsetError} for an offset that no server gave.
   * @throws {StreamError} `closed`.
   * @throws {TypeError} for a client of a path where there is no page, or of an address that is none of http.
   */
  stream<Record = Json>(id: string, { offset }: RemoteStreamOptions = {}): RemoteStream<Record> {
    this.#end.signal.throwIfAborted()
    return new RemoteStream<Record>(new RemoteReader(id, parsePlace(offset), this.#host), () => this.stop(id))
  }

  /**
   * Starts a run and follows it. `kind` names one of the application's runs, as `client.runs` does with types;
   * without it the application's own start handler decides. With an `id` of the caller's, repeated starts are one
   * run: an effect that runs twice, or a second click.
   *
   * @throws {StreamError} when the server refuses.
   */
  async start<Record = Json>(
    input: Json = null,
    { kind, chat, id }: StartOptions = {},
  ): Promise<RemoteStream<Record>> {
    // 128 bits. `randomUUID` would need a page served over https.
    id ??= crypto.getRandomValues(new Uint32Array(4)).join('-')
    const command = { id, kind, input, chat } as StartBody
    const send = (): Promise<string> => this.#command((carrier) => this.#start(carrier, command))
    const asked = JSON.stringify(command)
    const underWay = this.#starts.get(id)
    // The server decides whether the id may stand for another question.
    if (underWay) return this.stream<Record>(await (underWay.asked === asked ? underWay.started : send()))
    const started = send().finally(() => this.#starts.delete(id))
    this.#starts.set(id, { asked, started })
    // Readers that asked for it just now would be told that it does not exist.
    for (const reader of this.#readers)
      if (reader.id === id && reader.status === 'connecting') {
        this.#carrier.unfollow(reader)
        this.#waits(reader)
      }
    return this.stream<Record>(await started)
  }

  /**
   * Ends a run, wherever it is and whoever reads it. Its records stay. Resolves with how it ended, which is
   * `completed` when the stop came too late.
   *
   * @throws {StreamError} when the server refuses.
   */
  stop(id: string): Promise<RunEnd['status']> {
    return this.#command((carrier) => carrier.stop(id))
  }

  /**
   * The latest run of a chat, for a page that knows no run: read it with `stream(run.id)`. Undefined when no run of
   * the chat is kept. Its `status` is `running` while it goes on.
   *
   * @throws {StreamError} when the server refuses.
   */
  latest(chat: string): Promise<LatestRun | undefined> {
    return this.#command((carrier) => carrier.latest(chat))
  }

  /** Ends the connection, every loop, and every request without an answer. Runs go on. */
  close(): void {
    this.#end.abort(clientClosed())
    this.#carrier.close()
    this.#large?.close()
    for (const reader of this.#readers) reader.close()
  }

  /** Whether its run is being started; the reader follows it afterwards. */
  #waits(reader: RemoteReader): boolean {
    const follow = (): void => this.#follow(reader)
    return !!this.#starts.get(reader.id)?.started.then(follow, follow)
  }

  #follow(reader: RemoteReader): void {
    if (reader.done || !reader.following) return
    if (this.#end.signal.aborted) return reader.close()
    this.#carrier.follow(reader)
  }

  /** A request belongs to no connection: one that a carrier did not get through goes to the next carrier. */
  async #command<T>(send: (carrier: Carrier) => Promise<T>): Promise<T> {
    this.#end.signal.throwIfAborted()
    const carrier = this.#carrier
    try {
      return await send(carrier)
    } catch (error) {
      if (carrier === this.#carrier) throw error
      return await send(this.#carrier)
    }
  }

  #start(carrier: Carrier, body: StartBody): Promise<string> {
    if (!this.#http || carrier instanceof HttpCarrier || !isLarge(body)) return carrier.start(body)
    this.#large ??= new HttpCarrier({ ...this.#http, stateChanged: () => {} })
    return this.#large.start(body).catch((error: unknown) => {
      if (isNotServed(error)) return carrier.start(body)
      throw error
    })
  }

  #fallBack(): void {
    if (!this.#http) return
    const blocked = this.#carrier
    this.#carrier = new HttpCarrier({ ...this.#http, stateChanged: () => this.#listeners.tell() })
    blocked.close()
    for (const reader of this.#readers) if (!this.#starts.has(reader.id)) this.#follow(reader)
  }
}
