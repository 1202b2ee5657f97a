/**
 * What one component shows of a stream: its records, folded into a text and a state, and the run that
 * it started. Does nothing before somebody listens.
 */
import type { ConnectionState } from '../client/carrier.ts'
import { StreamError } from '../client/errors.ts'
import type { RemoteStream } from '../client/remote-stream.ts'
import type { StartOptions } from '../client/stream-client.ts'
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { Listeners } from '../client/listeners.ts'
import type { StreamStatus } from '../client/remote-reader.ts'
import { type SourceSnapshot, type StreamSource, sourceOf } from './stream-source.ts'
import { type StreamTarget, clientOf, runKindOf } from './target.ts'

/** `idle`: there is nothing to follow yet. `starting`: a run was asked for. */
export type ViewStatus = 'idle' | 'starting' | StreamStatus

export interface Snapshot<Record = unknown, State = unknown> {
  readonly id: string | null
  readonly records: readonly Record[]
  readonly text: string
  readonly state: State
  readonly status: ViewStatus
  readonly end: Json | undefined
  readonly error: StreamError | undefined
  readonly connection: ConnectionState
  readonly connectionError: StreamError | undefined
}

/** How records are folded. What is given later holds for the records that come later. */
export interface Folding {
  readonly reduce: ((state: unknown, record: unknown) => unknown) | undefined
  readonly initial: unknown
  /** By default a record that is a text adds itself. */
  readonly text: ((record: unknown) => string | undefined) | undefined
}

export class StreamObserver {
  readonly #target: StreamTarget
  #offset: string
  #folding: Folding
  readonly #listeners = new Listeners()
  #source: StreamSource | undefined
  #leave: (() => void) | undefined
  #count = 0
  #snapshot: Snapshot
  /** The newest start, while it is under way: where there are two, it is the one to be shown. */
  #starting: Promise<RemoteStream> | undefined
  /** Why the newest start was refused: shown over the stream that goes on, until the next one. */
  #refused: StreamError | undefined

  constructor(target: StreamTarget, id: string | null, offset: string, folding: Folding) {
    this.#target = target
    this.#offset = offset
    this.#folding = folding
    this.#snapshot = empty(id, folding)
  }

  /** Takes what the latest render gave. */
  foldWith(folding: Folding): void {
    this.#folding = folding
  }

  /** The same object until something changes. */
  readonly snapshot = (): Snapshot => this.#snapshot

  readonly subscribe = (listener: () => void): (() => void) => {
    const undo = this.#listeners.add(listener)
    if (this.#count++ === 0) this.#join()
    return () => {
      undo()
      if (--this.#count > 0) return
      this.#leave?.()
      this.#leave = undefined
    }
  }

  /** Starts a run and follows it from its start. Resolves with its id. */
  readonly start = async (input?: Json, options?: StartOptions): Promise<string> => {
    const kind = runKindOf(this.#target)
    const starting = clientOf(this.#target).start(input, kind === undefined ? options : { ...options, kind })
    this.#starting = starting
    this.#refused = undefined
    this.#become({ ...this.#snapshot, status: 'starting', error: undefined })
    try {
      const stream = await starting
      if (this.#settle(starting)) this.#show(stream.id)
      // A source, which other components can share, reads it instead.
      stream.close()
      return stream.id
    } catch (error) {
      if (this.#settle(starting) && error instanceof StreamError) {
        this.#refused = error
        this.#become({ ...this.#snapshot, status: 'error', error })
      }
      throw error
    }
  }

  /** Stops the run that is followed, or that is being started; resolves with how it ended. */
  readonly stop = async (): Promise<RunEnd['status'] | undefined> => {
    // The caller of `start` is told why it did not start.
    const id = (await this.#starting?.catch(() => undefined))?.id ?? this.#snapshot.id
    return id === null ? undefined : await clientOf(this.#target).stop(id)
  }

  /** Whether it was the newest. */
  #settle(starting: Promise<RemoteStream>): boolean {
    if (this.#starting !== starting) return false
    this.#starting = undefined
    return true
  }

  /** Turns to the run that was started. */
  #show(id: string): void {
    // Started once more, by an effect that runs twice or a second click: it is shown already.
    const { snapshot } = this.#source ?? {}
    const isRead = snapshot !== undefined && snapshot.status !== 'error' && snapshot.status !== 'gone'
    if (this.#snapshot.id === id && this.#offset === '-1' && isRead) return this.#take(snapshot)
    this.#leave?.()
    this.#leave = undefined
    this.#source = undefined
    this.#offset = '-1'
    this.#become(empty(id, this.#folding))
    if (this.#count > 0) this.#join()
  }

  #join(): void {
    const { id } = this.#snapshot
    if (id === null) return
    this.#source ??= sourceOf(clientOf(this.#target), id, this.#offset)
    const source = this.#source
    this.#leave = source.subscribe(() => this.#take(source.snapshot))
    this.#take(source.snapshot)
  }

  #take({ records, status, end, error, connection, connectionError }: SourceSnapshot): void {
    const { id, records: seen } = this.#snapshot
    let { text, state } = this.#snapshot
    for (const record of records.slice(seen.length)) {
      text += this.#folding.text?.(record) ?? (typeof record === 'string' ? record : '')
      if (this.#folding.reduce) state = this.#folding.reduce(state, record)
    }
    const shown = this.#starting ? 'starting' : this.#refused ? 'error' : status
    this.#become({
      id,
      records,
      text,
      state,
      status: shown,
      end,
      error: this.#refused ?? error,
      connection,
      connectionError,
    })
  }

  #become(snapshot: Snapshot): void {
    this.#snapshot = snapshot
    this.#listeners.tell()
  }
}

function empty(id: string | null, { initial: state }: Folding): Snapshot {
  const status = id === null ? 'idle' : 'connecting'
  return {
    id,
    records: [],
    text: '',
    state,
    status,
    end: undefined,
    error: undefined,
    connection: 'idle',
    connectionError: undefined,
  }
}
