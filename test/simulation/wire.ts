/**
 * One WebSocket between a client and a server process, without a network: frames take their time, one after the
 * other, a slow client fills its connection up, and either side may be cut off from the other.
 */
import { ConnectionClosedError } from '../../src/consumers/transport.ts'
import type { AcceptOptions, Transport, WebSocketData } from '../../src/consumers/transport.ts'
import type { ConsumerSession } from '../../src/consumers/session/session.ts'
import type { TextFrame } from '../../src/consumers/text-frame.ts'
import type { SocketLike } from '../../src/client/socket/platform-socket.ts'
import type { HttpError } from '../../src/protocol/errors.ts'
import type { Host } from './host.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Frames under way to a client, from which a connection is full. */
const FULL = 3

export interface WireOptions {
  readonly time: VirtualTime
  readonly client: Host
  readonly server: Host
  /** Milliseconds that a frame takes. */
  readonly latencyMs: number
  /** Hears every frame that the server sends; returns what a proxy makes of it. */
  readonly sent: (text: string) => string
  /** Makes another frame of one that a client sends; for planted bugs. */
  readonly received: (text: string) => string
}

export class Wire implements Transport {
  /** Set once the server has made the consumer. */
  session: ConsumerSession | undefined
  readonly socket: SocketLike
  readonly #options: WireOptions
  #state: 'open' | 'closed' = 'open'
  #clientGone = false
  #toClientAt = 0
  #toServerAt = 0
  #underWay = 0
  #isFull = false
  /** While a client does not read: what it has not read. */
  #stalled: (() => void)[] | undefined

  constructor(options: WireOptions) {
    this.#options = options
    this.socket = {
      onopen: null,
      onmessage: null,
      onclose: null,
      onerror: null,
      send: (text) => this.#toServer((session) => session.message(options.received(text))),
      close: () => {
        this.#clientGone = true
        this.#toServer((session) => session.disconnected(1000, ''))
      },
    }
  }

  get server(): Host {
    return this.#options.server
  }

  get client(): Host {
    return this.#options.client
  }

  get open(): boolean {
    return this.#state === 'open' && !this.#clientGone
  }

  // What the server's session calls.

  accept(_options: AcceptOptions): void {
    this.#toClient(() => this.socket.onopen?.({} as never))
  }

  refuse(_error: HttpError): void {
    this.#toClient(() => this.#closeClient(1006))
  }

  send(data: WebSocketData): Promise<void> | undefined {
    if (this.#state === 'closed') return Promise.reject(new ConnectionClosedError(1006, ''))
    this.#sendText(String(data))
    return undefined
  }

  write(frame: TextFrame): boolean {
    if (this.#state === 'closed') return false
    this.#sendText(frame.text)
    this.#isFull = this.#underWay >= FULL
    return !this.#isFull
  }

  close(code: number, _reason: string): void {
    this.#state = 'closed'
    this.#toClient(() => this.#closeClient(code))
  }

  /** The records of these streams are small. */
  cutSlow(): void {}

  pause(): void {}

  resume(): void {}

  // What happens to it.

  /** Both sides find out after a while, the server maybe much later. */
  cut(serverAfterMs: number): void {
    const { time, client, server } = this.#options
    if (this.#clientGone && this.#state === 'closed') return
    time.after(1, () => client.run(() => this.#closeClient(1006)))
    time.after(serverAfterMs, () => {
      // In one step, as its process hears of it: one that stands still knows of neither.
      server.run(() => {
        this.#state = 'closed'
        this.session?.disconnected(1006, '')
      })
    })
  }

  /** The client reads nothing more for a while. */
  stall(milliseconds: number): void {
    if (this.#stalled) return
    this.#stalled = []
    this.#options.time.after(milliseconds, () => {
      const held = this.#stalled ?? []
      this.#stalled = undefined
      for (const deliver of held) deliver()
    })
  }

  #sendText(given: string): void {
    const text = this.#options.sent(given)
    this.#underWay++
    this.#toClient(
      () => this.socket.onmessage?.({ data: text } as never),
      () => {
        this.#underWay--
        if (!this.#isFull || this.#underWay > 0) return
        this.#isFull = false
        this.#options.server.run(() => this.session?.drained())
      },
    )
  }

  #toClient(deliver: () => void, arrived: () => void = () => {}): void {
    const { time, client, latencyMs } = this.#options
    this.#toClientAt = Math.max(this.#toClientAt, time.now) + latencyMs
    const arrive = (): void => {
      if (this.#stalled) return void this.#stalled.push(arrive)
      if (!this.#clientGone) client.run(deliver)
      arrived()
    }
    time.after(this.#toClientAt - time.now, arrive)
  }

  #toServer(deliver: (session: ConsumerSession) => void): void {
    const { time, server, latencyMs } = this.#options
    this.#toServerAt = Math.max(this.#toServerAt, time.now + latencyMs)
    time.after(this.#toServerAt - time.now, () =>
      server.run(() => {
        if (this.#state === 'open' && this.session) deliver(this.session)
      }),
    )
  }

  #closeClient(code: number): void {
    if (this.#clientGone) return
    this.#clientGone = true
    this.socket.onclose?.({ code } as never)
  }
}
