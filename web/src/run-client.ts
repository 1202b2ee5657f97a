/**
 * What the page knows and can do: the run of its address, its text and the connection, behind one
 * observer. Runs live on the server; the page reads one of them, and loses nothing by a reload, a lost
 * connection or a restarted server.
 *
 * Records are reduced as they arrive, but readers of the snapshot hear of text at most once in
 * `TEXT_INTERVAL`: a model can send hundreds of pieces a second, and drawing each helps nobody.
 */
import type { ConnectionState, StreamError, StreamStatus } from '../../src/client/index.ts'
import { type Address, NO_RUN, type Visit } from './address.ts'
import type { Clock } from './clock.ts'
import { EMPTY_PAGE, isActive, type Page, type PageEvent, reduce, type Run, type RunEnding } from './run.ts'

/** What is needed of a `RemoteStream`. */
export interface RunStream {
  readonly status: StreamStatus
  readonly error: StreamError | undefined
  readonly done: boolean
  subscribe(listener: () => void): () => void
  take(): unknown[]
  close(): void
}

/** The application behind the page, as its client knows it. */
export interface Demo {
  readonly '~runs'?: {
    readonly numbers: { readonly '~types'?: { readonly input: undefined; readonly record: string } }
    readonly answer: { readonly '~types'?: { readonly input: Asked; readonly record: string } }
  }
}

interface Asked {
  readonly prompt: string
}

/** What is needed of a client of `Demo`. */
export interface RunStreams {
  readonly runs: {
    readonly numbers: Startable<undefined>
    readonly answer: Startable<Asked>
  }
  readonly state: ConnectionState
  readonly error: StreamError | undefined
  subscribe(listener: () => void): () => void
  stream(id: string): RunStream
  stop(id: string): Promise<unknown>
}

interface Startable<Input> {
  start(input: Input, options: { readonly id: string }): Promise<RunStream>
}

export interface RunSnapshot {
  readonly connection: ConnectionState
  /** Why there is no connection, as a sentence for a reader; empty while there is one. */
  readonly trouble: string
  /** Whether the connection was lost since somebody last needed it anew. */
  readonly wasLost: boolean
  readonly output: string
  readonly run: Run
}

export interface RunClientOptions {
  readonly streams: RunStreams
  readonly address: Address
  readonly clock: Clock
  /** A string that no other run has. */
  readonly newId: () => string
}

/** Milliseconds between two looks at growing text: one frame of a 60 Hz screen. */
const TEXT_INTERVAL = 16
/** What an id can look like; a server does not answer for any other. */
const RUN_ID = /^[\x21-\x7e]{1,512}$/
/** The codes of a stream that is not there. */
const NOT_THERE: ReadonlySet<string | undefined> = new Set(['stream_not_found', 'gone'])

const MISSING =
  'There is no answer at this address: it was removed, its time was over, or it belongs to somebody else.'
const LOST = 'The server no longer has this answer. What came of it stays here until you leave the page.'

export class RunClient {
  readonly #streams: RunStreams
  readonly #address: Address
  readonly #clock: Clock
  readonly #newId: () => string
  readonly #listeners = new Set<() => void>()
  readonly #undos: (() => void)[]
  #page: Page = EMPTY_PAGE
  #wasLost = false
  #snapshot: RunSnapshot
  #clearPublish: (() => void) | undefined
  /** Lets go of the stream that is read. */
  #unfollow: () => void = () => {}
  /** Whether the server started the run; settled for one that was there before. Never rejects. */
  #started: Promise<boolean> = Promise.resolve(true)

  /** Shows the run of the address at once, and of each entry that Back and Forward lead to. */
  constructor({ streams, address, clock, newId }: RunClientOptions) {
    this.#streams = streams
    this.#address = address
    this.#clock = clock
    this.#newId = newId
    this.#snapshot = this.#look()
    this.#undos = [
      streams.subscribe(() => this.#connectionChanged()),
      address.subscribe(() => this.#visit(address.read())),
    ]
    this.#visit(address.read())
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

  /**
   * Starts a run: the numbers, or the answer to a prompt. Without a connection it is sent once there is
   * one. False when the page's run is active.
   */
  start(prompt: string): boolean {
    if (isActive(this.#page.run)) return false
    const id = this.#newId()
    this.#unfollow()
    // The address names it before the server answers: a reload at this moment finds it, too.
    this.#address.push({ run: id, prompt })
    this.#apply({ type: 'start', id, prompt, at: this.#clock.now() })
    this.#started = this.#begin(id, prompt)
    return true
  }

  /** Stops the active run. A second call, or one without a run, does nothing. */
  stop(): void {
    const { run } = this.#page
    if (!isActive(run) || run.status === 'stopping') return
    this.#apply({ type: 'stop' })
    void this.#end(run.id)
  }

  /** Turns to an empty page; Back returns to the run. Does nothing while it is active. */
  clear(): void {
    const { run } = this.#page
    if (isActive(run) || run.status === 'ready') return
    this.#address.push(NO_RUN)
    this.#visit(NO_RUN)
  }

  /** Lets go of the stream, the address and every timer. The run goes on. */
  close(): void {
    this.#unfollow()
    for (const undo of this.#undos) undo()
    this.#clearPublish?.()
  }

  #visit({ run = '', prompt }: Visit): void {
    if (run === this.#page.run.id) return
    this.#unfollow()
    if (run === '') return this.#apply({ type: 'leave' })
    this.#apply({ type: 'show', id: run, prompt, at: this.#clock.now() })
    this.#started = Promise.resolve(true)
    if (RUN_ID.test(run)) this.#follow(this.#streams.stream(run))
    else this.#ended('missing', MISSING)
  }

  /** Whether the server started it. */
  async #begin(id: string, prompt: string): Promise<boolean> {
    let isWanted = true
    this.#unfollow = () => {
      isWanted = false
    }
    try {
      const { numbers, answer } = this.#streams.runs
      // Half a surrogate pair, which a paste can leave, is no text that a server can keep.
      const asked = { prompt: prompt.toWellFormed() }
      const stream = await (prompt === '' ? numbers.start(undefined, { id }) : answer.start(asked, { id }))
      if (isWanted) this.#follow(stream)
      else stream.close()
      return true
    } catch (error) {
      if (isWanted) {
        this.#address.replace(NO_RUN)
        this.#ended('failed', messageOf(error))
      }
      return false
    }
  }

  async #end(id: string): Promise<void> {
    try {
      if (await this.#started) await this.#streams.stop(id)
    } catch (error) {
      if (this.#page.run.id === id) this.#apply({ type: 'stopRefused', reason: messageOf(error) })
    }
  }

  #follow(stream: RunStream): void {
    const undo = stream.subscribe(() => this.#received(stream))
    this.#unfollow = () => {
      undo()
      stream.close()
      this.#unfollow = () => {}
    }
    this.#received(stream)
  }

  #received(stream: RunStream): void {
    const records = stream.take()
    if (records.length > 0 || stream.status === 'running')
      this.#apply({ type: 'received', records, at: this.#clock.now() })
    if (!stream.done) return
    const { status, error } = stream
    switch (status) {
      case 'completed':
      case 'closed':
        return this.#ended('completed')
      case 'stopped':
        return this.#ended('stopped')
      default:
        if (!NOT_THERE.has(error?.code)) return this.#ended('failed', messageOf(error))
        if (this.#page.run.status !== 'loading') return this.#ended('failed', LOST)
        this.#ended('missing', MISSING)
    }
  }

  #ended(status: RunEnding, reason: string = ''): void {
    this.#unfollow()
    // Nothing is to be found there by a reload either.
    if (status === 'missing') this.#address.replace(NO_RUN)
    this.#apply({ type: 'end', status, reason, at: this.#clock.now() })
  }

  #connectionChanged(): void {
    const { state } = this.#streams
    this.#wasLost = state === 'reconnecting' || (state === 'connected' && this.#wasLost)
    this.#publish()
  }

  #apply(event: PageEvent): void {
    const before = this.#page
    this.#page = reduce(before, event)
    const { id, status } = this.#page.run
    if (id !== before.run.id || status !== before.run.status) this.#publish()
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
    const { state, error } = this.#streams
    return { connection: state, trouble: troubleOf(error), wasLost: this.#wasLost, ...this.#page }
  }
}

/** Close codes are for the console. */
function troubleOf(error: StreamError | undefined): string {
  if (error?.code === 'disconnected') return 'The connection was lost.'
  return error?.message ?? ''
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'The server gave no reason.'
}
