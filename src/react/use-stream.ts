/** A React hook that shows a stream. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { ConnectionState } from '../client/carrier.ts'
import type { ClientRun, StartArguments } from '../client/client-runs.ts'
import type { StreamError } from '../client/errors.ts'
import type { StreamClient } from '../client/stream-client.ts'
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { type Folding, type Snapshot, StreamObserver, type ViewStatus } from './stream-observer.ts'
import type { StreamTarget } from './target.ts'

/** How the records of a stream are shown. */
export type UseStreamOptions<Record = Json, State = undefined> = {
  /** Where to begin: an offset, `-1` for the start (the default), `now` for what is yet to come. */
  readonly offset?: string
  /** The text that a record adds to `text`. By default a record that is a string adds itself, and any other none. Pure. */
  readonly text?: (record: Record) => string | undefined
} & (
  | { readonly reduce?: undefined; readonly initial?: undefined }
  | {
      /** Folds a record into `state`. Pure: it returns a new state. */
      readonly reduce: (state: State, record: Record) => State
      readonly initial: State
    }
)

export interface StreamView<Record = Json, State = undefined, Input = Json> {
  /** The stream that is shown: the one that was asked for, or that `start` started. */
  readonly id: string | null
  /** Another array whenever records came; at most once a frame, however many they are. */
  readonly records: readonly Record[]
  /** The text of all records, one after the other. */
  readonly text: string
  readonly state: State
  readonly status: ViewStatus
  /** What the stream is closed with, once its end has come: of a run, how it ended. */
  readonly end: Json | undefined
  /** Why the run failed, or cannot be started or read. */
  readonly error: StreamError | undefined
  /** How the connection is. A loss is mended by itself. */
  readonly connection: ConnectionState
  /** Why there is no connection: what the client's `error` says. */
  readonly connectionError: StreamError | undefined
  /**
   * Starts a run and shows it. Resolves with its id, for the address of the page for one.
   *
   * @throws {StreamError} when the server refuses; `error` says so, too.
   */
  readonly start: (...[input, options]: StartArguments<Input>) => Promise<string>
  /**
   * Stops the run that is shown. Resolves with how it ended, undefined when there is none.
   *
   * @throws {StreamError} when the server refuses.
   */
  readonly stop: () => Promise<RunEnd['status'] | undefined>
}

/**
 * Shows the stream of a run, or with the id `null` none until `start`. `useStream(client.runs.answer, id)` knows
 * what the run takes and what its records are.
 *
 * @param run a run of a client that lives as long as the page: `const { answer } = connect<App>('/').runs`.
 */
export function useStream<Input, Record, State = undefined>(
  run: ClientRun<Input, Record>,
  id: string | null,
  options?: UseStreamOptions<Record, State>,
): StreamView<Record, State, Input>
/**
 * The same for any stream. What its records are, the caller says.
 *
 * @param target a client, or the address of one, which is then shared by all components that give it.
 */
export function useStream<Record = Json, State = undefined>(
  target: StreamClient | string,
  id: string | null,
  options?: UseStreamOptions<Record, State>,
): StreamView<Record, State>
export function useStream<Record, State>(
  target: StreamTarget,
  id: string | null,
  options: UseStreamOptions<Record, State> = {},
): StreamView<Record, State> {
  const { offset = '-1', reduce, initial, text } = options
  const folding = { reduce, initial, text } as Folding
  const observe = (): StreamObserver => new StreamObserver(target, id, offset, folding)
  const [shown, setShown] = useState(() => ({ target, id, offset, observer: observe() }))
  let { observer } = shown
  if (shown.target !== target || shown.id !== id || shown.offset !== offset) {
    // The page may give back the id that `start` gave to it: that stream is shown already.
    const started = id !== null && observer.snapshot().id === id
    if (!started || shown.target !== target || shown.offset !== offset) observer = observe()
    setShown({ target, id, offset, observer })
  }
  useEffect(() => {
    observer.foldWith(folding)
  })
  const snapshot = useSyncExternalStore(observer.subscribe, observer.snapshot, observer.snapshot)
  const { start, stop } = observer
  return { ...(snapshot as Snapshot<Record, State>), start, stop }
}
