/**
 * The Redis servers of a store. They know which of them has a key.
 *
 * Every request settles: with Redis's answer, or with a `StoreError` after a bounded time.
 */
import type { Argument, Reply } from '../../../redis/open-client.ts'
import type { UnfitRedisError } from '../../../redis/unfit.ts'

/** A request, made from the run id of the server that it is sent to. */
export type Ask = (server: string) => readonly Argument[]

export interface ServerEvents {
  /** A message was published to a channel. */
  readonly onMessage: (channel: string, message: Buffer) => void
  /** Messages of a channel arrive from now on; earlier ones may be lost. */
  readonly onSubscribed: (channel: string) => void
  /** A server can be reached again, and may be another one. */
  readonly onReady: () => void
}

export interface Servers {
  /** Whether requests for different keys are executed in order. */
  readonly ordered: boolean
  /** Why a server is permanently unfit. */
  readonly unfit: UnfitRedisError | undefined
  request(key: string, ask: Ask): Promise<Reply>
  /** Resolves when every server has answered. */
  ping(): Promise<void>
  subscribe(channel: string): void
  unsubscribe(channel: string): void
  close(): Promise<void>
}
