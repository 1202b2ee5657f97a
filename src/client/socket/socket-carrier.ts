/**
 * All streams over one WebSocket. On a new connection streams go on from their places, and requests without an
 * answer are sent again.
 */
import type { RunEnd } from '../../protocol/run-end.ts'
import type {
  ClientFrame,
  ErrorFrame,
  FoundFrame,
  LatestRun,
  ServerFrame,
  StartedFrame,
  StoppedFrame,
} from '../../protocol/stream-frames.ts'
import type { Carrier, ConnectionState, StartBody } from '../carrier.ts'
import { ReconnectingSocket, type ReconnectingSocketOptions } from './reconnecting-socket.ts'
import { StreamError, clientClosed, errorIn } from '../errors.ts'
import type { RemoteReader } from '../remote-reader.ts'
import { SocketSubscriptions } from './socket-subscriptions.ts'

export interface SocketCarrierOptions extends Omit<ReconnectingSocketOptions, 'needed'> {
  readonly stateChanged: () => void
  /** WebSockets do not get through. The carrier is of no more use. */
  readonly blocked: () => void
}

type Answer = StartedFrame | StoppedFrame | FoundFrame

interface Pending {
  readonly frame: ClientFrame
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: StreamError) => void
}

/** Close codes of a server that cannot read what it was sent, and could not the next time either. */
const UNREADABLE: readonly number[] = [1007, 1009]
/** The server goes down. The client asks the one that comes after it. */
const PASSING = 'runs_closed'

export class SocketCarrier implements Carrier {
  readonly #connection: ReconnectingSocket
  readonly #subscriptions: SocketSubscriptions
  readonly #pending = new Map<string, Pending>()
  #lastReq = 0

  constructor({ stateChanged, blocked, ...options }: SocketCarrierOptions) {
    const needed = (): boolean => this.#subscriptions.readers.length + this.#pending.size > 0
    this.#connection = new ReconnectingSocket(
      { ...options, needed },
      {
        stateChanged,
        blocked,
        opened: () => this.#opened(),
        received: (frame) => this.#received(frame),
        lost: (code) => this.#lost(code),
        refused: (error) => this.#fail(error),
      },
    )
    this.#subscriptions = new SocketSubscriptions(this.#connection)
  }

  get error(): StreamError | undefined {
    return this.#connection.error
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  follow(reader: RemoteReader): void {
    this.#subscriptions.follow(reader)
    this.#connection.connect()
  }

  unfollow(reader: RemoteReader): void {
    this.#subscriptions.unfollow(reader)
  }

  async start(command: StartBody): Promise<string> {
    const answer = await this.#ask((req) => ({ type: 'start', req, ...command }))
    return (answer as StartedFrame).stream
  }

  async stop(stream: string): Promise<RunEnd['status']> {
    const answer = await this.#ask((req) => ({ type: 'stop', req, stream }))
    return (answer as StoppedFrame).status
  }

  async latest(chat: string): Promise<LatestRun | undefined> {
    const answer = await this.#ask((req) => ({ type: 'latest', req, chat }))
    return (answer as FoundFrame).run ?? undefined
  }

  close(): void {
    this.#connection.close()
    this.#subscriptions.lost()
    this.#reject(clientClosed())
  }

  #ask(frameFor: (req: string) => ClientFrame): Promise<Answer> {
    const req = String(++this.#lastReq)
    const frame = frameFor(req)
    return new Promise((resolve, reject) => {
      if (this.state === 'closed') return reject(clientClosed())
      this.#pending.set(req, { frame, resolve, reject })
      if (this.#connection.isOpen) this.#connection.send(frame)
      else this.#connection.connect()
    })
  }

  #opened(): void {
    this.#subscriptions.opened()
    for (const { frame } of this.#pending.values()) this.#connection.send(frame)
  }

  #lost(code: number): void {
    this.#subscriptions.lost()
    if (UNREADABLE.includes(code)) {
      this.#reject(new StreamError('refused', `The server cannot read this request (${code}).`))
    }
  }

  #received(frame: ServerFrame): void {
    if ('sub' in frame && frame.sub !== undefined) this.#subscriptions.receive(frame.sub, frame)
    else if ('req' in frame && frame.req !== undefined) this.#answered(frame.req, frame)
  }

  #answered(req: string, frame: Answer | ErrorFrame): void {
    const isError = frame.type === 'error'
    if (isError && frame.code === PASSING) return
    const pending = this.#pending.get(req)
    this.#pending.delete(req)
    if (isError) pending?.reject(errorIn(frame))
    else pending?.resolve(frame)
  }

  /** Nothing that is asked of the server would be answered. */
  #fail(error: StreamError): void {
    this.#reject(error)
    for (const reader of this.#subscriptions.readers) reader.fail(error)
  }

  #reject(error: StreamError): void {
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
