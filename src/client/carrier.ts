/** What brings streams to a client: one WebSocket for all of them, or plain HTTP for each. */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import type { StreamError } from './errors.ts'
import type { RemoteReader } from './remote-reader.ts'

/**
 * `idle`: nothing is followed. `reconnecting`: the connection was lost, and the client connects again; no record
 * is lost.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed'

/** What a start says, in a frame as over HTTP. */
export interface StartBody {
  /** Chosen by the client, so that a start that is sent again starts nothing twice. */
  readonly id: string
  readonly kind?: string
  readonly input: Json
  readonly chat?: string
}

export interface Carrier {
  readonly state: ConnectionState
  /** Why it is not connected; undefined while it is, or nothing is known yet. */
  readonly error: StreamError | undefined
  /** Gives a reader the records after its place, until the stream ends, fails or is let go. */
  follow(reader: RemoteReader): void
  /** Does nothing for a reader that is not followed. */
  unfollow(reader: RemoteReader): void
  /** Resolves with the stream's id. Rejects with a `StreamError`. */
  start(command: StartBody): Promise<string>
  /** Resolves with how the run ended. Rejects with a `StreamError`. */
  stop(id: string): Promise<RunEnd['status']>
  /** The latest run of a chat. Rejects with a `StreamError`. */
  latest(chat: string): Promise<LatestRun | undefined>
  /** Ends everything. Requests without an answer reject with `closed`. */
  close(): void
}
