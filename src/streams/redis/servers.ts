/**
 * The Redis servers behind a store: which of them has a key is theirs to know.
 *
 * Every request settles: with Redis's answer, or with a `StoreError` after a bounded time.
 */
import type { Argument, Reply } from '../../redis/open-client.ts'
import type { UnfitRedisError } from '../../redis/unfit.ts'

/** What is asked, given the name of the run of the server that is asked. */
export type Ask = (server: string) => readonly Argument[]

export interface ServerEvents {
  /** Somebody published to a channel. */
  readonly onMessage: (channel: string, message: Buffer) => void
  /** What is published to a channel arrives from now on; what was until now may be lost. */
  readonly onSubscribed: (channel: string) => void
  /** A server can be reached again, and is perhaps another one. */
  readonly onReady: () => void
}

export interface Servers {
  /** Whether requests for any keys are carried out in the order in which they are made. */
  readonly ordered: boolean
  /** Why one of them can never do. */
  readonly unfit: UnfitRedisError | undefined
  request(key: string, ask: Ask): Promise<Reply>
  /** Resolves when every server has answered. */
  ping(): Promise<void>
  subscribe(channel: string): void
  unsubscribe(channel: string): void
  close(): Promise<void>
}
