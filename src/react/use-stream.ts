/** A React hook that shows a stream. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { ConnectionState } from '../client/carrier.ts'
import type { StreamError } from '../client/errors.ts'
import type { StartOptions, StreamClient } from '../client/stream-client.ts'
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { warnOfShape } from './shape-warning.ts'
import { type Folding, type Snapshot, StreamObserver, type ViewStatus } from './stream-observer.ts'

/** How the records of a stream are shown. */
export type StreamOptions<Record = Json, State = undefined> = {
  /** Where to begin: an offset, `-1` for the start (the default), `now` for what is yet to come. */
  readonly offset?: string
  /**
   * The text that a record adds to `text`. By default that of a record that is a text, of `{ delta }` and
   * `{ text }`, and of the text events of OpenAI's APIs and the AI SDK; see `recordText`. Pure.
   */
  readonly text?: (record: Record) => string | undefined
} & (
  | { readonly reduce?: undefined; readonly initial?: undefined }
  | {
      /** Folds a record into `state`. Pure: it returns a new state. */
      readonly reduce: (state: State, record: Record) => State
      readonly initial: State
    }
)

export interface StreamView<Record = Json, State = undefined> {
  /** The stream that is shown: the one that was asked for, or that `start` started. */
  readonly id: string | null
  /** Another array whenever records came; at most once a frame, however many they are. */
  readonly records: readonly Record[]
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
  readonly start: (input: Json, options?: StartOptions) => Promise<string>
  /**
   * Stops the run that is shown. Resolves with how it ended, undefined when there is none.
   *
   * @throws {StreamError} when the server refuses.
   */
  readonly stop: () => Promise<RunEnd['status'] | undefined>
}

/**
 * Shows a stream, or with the id `null` none until `start`.
 *
 * @param target a client, or the address of a stream socket; components that give the same address
 * share one client.
 */
export function useStream<Record = Json, State = undefined>(
  target: StreamClient | string,
  id: string | null,
  options: StreamOptions<Record, State> = {},
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
  // What records and states are, the caller says.
  const view = { ...(snapshot as Snapshot<Record, State>), start, stop }
  const { text: shownText } = view
  // Whoever does not look at the text misses nothing.
  return Object.defineProperty(view, 'text', {
    enumerable: true,
    get: () => {
      try {
        // A bundler puts the mode in, and for production leaves this out.
        if (process.env.NODE_ENV !== 'production' && observer.unread !== undefined)
          warnOfShape(observer.unread)
      } catch {
        // Without one there is no `process`.
      }
      return shownText
    },
  })
}
