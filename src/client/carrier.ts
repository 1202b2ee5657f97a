/** What brings streams to a client: one WebSocket for all of them, or plain HTTP for each. */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import type { StreamError } from './errors.ts'
import type { Reader } from './reader.ts'

/**
 * `idle`: nothing is followed. `reconnecting`: the connection was lost and is being made anew; nothing
 * is lost meanwhile.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed'

export interface StartCommand {
  /** Chosen by the client, so that a start that is sent again starts nothing twice. */
  readonly id: string
  readonly input: Json
  readonly chat?: string
}

export interface Carrier {
  readonly state: ConnectionState
  /** Why it is not connected; undefined while it is, or nothing is known yet. */
  readonly error: StreamError | undefined
  /** Brings a reader what follows its place, until it ends, fails or is let go. */
  follow(reader: Reader): void
  /** Does nothing for a reader that is not followed. */
  unfollow(reader: Reader): void
  /** Resolves with the stream's id. Rejects with a `StreamError`. */
  start(command: StartCommand): Promise<string>
  /** Resolves with how the run ended. Rejects with a `StreamError`. */
  stop(id: string): Promise<RunEnd['status']>
  /** The run of a chat that was started last. Rejects with a `StreamError`. */
  latest(chat: string): Promise<LatestRun | undefined>
  /** Ends everything; what is pending rejects with `closed`. */
  close(): void
}
