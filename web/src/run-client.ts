/**
 * What the page knows and can do: the connection, the output and the run, behind one observer.
 *
 * Frames are reduced as they arrive, but readers of the snapshot hear of text at most once in
 * `TEXT_INTERVAL`: a model can send hundreds of pieces a second, and drawing each helps nobody.
 */
import type { Clock } from './clock.ts'
import { Connection, type ConnectionState } from './connection.ts'
import { type Frame, parseFrame } from './frame.ts'
import { EMPTY_PAGE, isActive, type Page, type PageEvent, reduce, type Run } from './run.ts'
import type { OpenSocket } from './socket.ts'

export interface RunSnapshot {
  readonly connection: ConnectionState
  readonly output: string
  readonly run: Run
}

export interface RunClientOptions {
  readonly open: OpenSocket
  readonly clock: Clock
  /** As `Math.random`. */
  readonly random: () => number
  readonly online: boolean
  /** A string that no other request of this page has. */
  readonly newId: () => string
}

/** Milliseconds between two looks at growing text: one frame of a 60 Hz screen. */
const TEXT_INTERVAL = 16
/** A server that says nothing to a request for this long, in milliseconds, is taken for gone. */
const START_TIMEOUT = 10_000
/** The same for a request to stop; then closing the socket is what stops the run. */
const STOP_TIMEOUT = 5_000

export class RunClient {
  readonly #clock: Clock
  readonly #newId: () => string
  readonly #connection: Connection
  readonly #listeners = new Set<() => void>()
  #page: Page = EMPTY_PAGE
  #snapshot: RunSnapshot
  #clearPublish: (() => void) | undefined
  #clearDeadline: () => void = () => {}

  constructor({ open, clock, random, online, newId }: RunClientOptions) {
    this.#clock = clock
    this.#newId = newId
    const receiver = {
      message: (data: unknown) => this.#received(parseFrame(data)),
      lost: (code: number) => this.#cut(lossReason(code)),
    }
    this.#connection = new Connection({ open, receiver, clock, random, online })
    this.#connection.subscribe(() => this.#publish())
    this.#snapshot = this.#look()
  }

  /** Calls `listener` after every change of the snapshot; returns the undo. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The same object until something changes. */
  getSnapshot(): RunSnapshot {
    return this.#snapshot
  }

  /** Connects, or cuts the wait for the next try short. */
  connect(): void {
    this.#connection.connect()
  }

  /** What the device says of its network. */
  setOnline(online: boolean): void {
    this.#connection.setOnline(online)
  }

  /** Starts a run: the numbers, or the answer to a prompt. False when one is active or nothing is connected. */
  start(prompt: string): boolean {
    if (isActive(this.#page.run)) return false
    const id = this.#newId()
    // Half a surrogate pair, which a paste can leave, is no text that a server can keep.
    const request =
      prompt === '' ? { message: 'start', id } : { message: 'start', id, prompt: prompt.toWellFormed() }
    if (!this.#connection.send(JSON.stringify(request))) return false
    this.#setDeadline(START_TIMEOUT)
    this.#apply({ type: 'start', id, prompt, at: this.#clock.now() })
    return true
  }

  /** Stops the active run. A second call, or one without a run, does nothing. */
  stop(): void {
    if (!isActive(this.#page.run) || this.#page.run.status === 'stopping') return
    this.#connection.send(JSON.stringify({ message: 'stop' }))
    this.#setDeadline(STOP_TIMEOUT)
    this.#apply({ type: 'stop' })
  }

  /** Empties the output. An active run goes on. */
  clear(): void {
    this.#apply({ type: 'clear' })
  }

  /** Ends the connection and every timer. */
  close(): void {
    this.#clearDeadline()
    this.#connection.close()
    this.#clearPublish?.()
  }

  #received(frame: Frame | undefined): void {
    if (frame === undefined) return
    if (this.#page.run.status !== 'stopping') this.#clearDeadline()
    this.#apply({ type: 'frame', frame, at: this.#clock.now() })
  }

  #setDeadline(delay: number): void {
    this.#clearDeadline()
    this.#clearDeadline = this.#clock.after(delay, () => {
      this.#connection.drop()
      this.#cut('The server did not answer.')
    })
  }

  #cut(reason: string): void {
    this.#apply({ type: 'cut', reason, at: this.#clock.now() })
  }

  #apply(event: PageEvent): void {
    const before = this.#page
    this.#page = reduce(before, event)
    if (!isActive(this.#page.run)) this.#clearDeadline()
    if (this.#page.run.status !== before.run.status) this.#publish()
    else if (this.#page !== before)
      this.#clearPublish ??= this.#clock.after(TEXT_INTERVAL, () => this.#publish())
  }

  #publish(): void {
    this.#clearPublish?.()
    this.#clearPublish = undefined
    this.#snapshot = this.#look()
    for (const listener of this.#listeners) listener()
  }

  #look(): RunSnapshot {
    return { connection: this.#connection.getSnapshot(), ...this.#page }
  }
}

/** Says what the end of a connection (its WebSocket close code) did to the answer. */
function lossReason(code: number): string {
  switch (code) {
    case 1008:
      return 'The server refused the request and closed the connection.'
    case 1009:
      return 'The prompt is longer than the server accepts.'
    case 1011:
      return 'Something went wrong in the server: the answer was cut short.'
    case 1012:
      return 'The server restarted: the answer was cut short.'
    default:
      return 'Connection lost: the answer was cut short.'
  }
}
