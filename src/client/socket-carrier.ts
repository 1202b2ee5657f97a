/**
 * All streams over one WebSocket. On a new connection streams go on from their places, and commands
 * that have no answer yet are sent again.
 */
import type { RunEnd } from '../protocol/run-end.ts'
import type {
  ClientFrame,
  ErrorFrame,
  FoundFrame,
  LatestRun,
  ServerFrame,
  StartedFrame,
  StoppedFrame,
} from '../protocol/stream-frames.ts'
import type { Carrier, ConnectionState, StartCommand } from './carrier.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { StreamError, clientClosed } from './errors.ts'
import type { Reader } from './reader.ts'
import { Subscriptions } from './subscriptions.ts'

export interface SocketCarrierOptions extends Omit<ConnectionOptions, 'needed'> {
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

/** Close codes of a server that cannot read what it was sent: it would not the next time either. */
const UNREADABLE: readonly number[] = [1007, 1009]
/** The server goes down. The one that comes after it is asked again. */
const PASSING = 'runs_closed'

export class SocketCarrier implements Carrier {
  readonly #connection: Connection
  readonly #subscriptions: Subscriptions
  readonly #pending = new Map<string, Pending>()
  #lastReq = 0

  constructor({ stateChanged, blocked, ...options }: SocketCarrierOptions) {
    const needed = (): boolean => this.#subscriptions.readers.length + this.#pending.size > 0
    this.#connection = new Connection(
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
    this.#subscriptions = new Subscriptions(this.#connection)
  }

  get error(): StreamError | undefined {
    return this.#connection.error
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  follow(reader: Reader): void {
    this.#subscriptions.follow(reader)
    this.#connection.connect()
  }

  unfollow(reader: Reader): void {
    this.#subscriptions.unfollow(reader)
  }

  async start(command: StartCommand): Promise<string> {
    const { stream } = (await this.#ask((req) => ({ type: 'start', req, ...command }))) as StartedFrame
    return stream
  }

  async stop(stream: string): Promise<RunEnd['status']> {
    const answer = (await this.#ask((req) => ({ type: 'stop', req, stream }))) as StoppedFrame
    return answer.status
  }

  async latest(chat: string): Promise<LatestRun | undefined> {
    const { run } = (await this.#ask((req) => ({ type: 'latest', req, chat }))) as FoundFrame
    return run ?? undefined
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
      this.#reject(
        new StreamError('refused', `The server does not read such a request (close code ${code}).`),
      )
    }
  }

  #received(frame: ServerFrame): void {
    if (frame.type === 'started' || frame.type === 'stopped' || frame.type === 'latest') {
      this.#settle(frame.req, ({ resolve }) => resolve(frame))
    } else if (frame.type === 'error' && frame.req !== undefined) this.#refused(frame.req, frame)
    else if ('sub' in frame && frame.sub !== undefined) this.#subscriptions.receive(frame.sub, frame)
  }

  #refused(req: string, { code, message, retryAfter }: ErrorFrame): void {
    if (code === PASSING) return
    this.#settle(req, ({ reject }) => reject(new StreamError(code, message, undefined, retryAfter)))
  }

  #settle(req: string, how: (pending: Pending) => void): void {
    const pending = this.#pending.get(req)
    this.#pending.delete(req)
    if (pending) how(pending)
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
