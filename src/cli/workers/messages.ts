/** What a server's first process and its workers tell each other over the channel that cluster gives them. */
import type { Announcement } from '../announcement.ts'

/** Marks a message as Millrace's: an application may use the channel, too. */
const MARK = 'millrace'

export type FromWorker =
  /** The application is loaded; it waits to be told to listen. */
  | { readonly type: 'loaded' }
  | { readonly type: 'listening'; readonly announcement: Announcement }
  /** Its own readiness check says that it can serve. */
  | { readonly type: 'ready' }
  /** It does not come up, for a reason that another attempt does not change. */
  | { readonly type: 'failed'; readonly message: string; readonly exitCode: number }
  /** It shuts down, by its own decision or because it was told to. */
  | { readonly type: 'leaving' }
  /** It takes no more connections, and waits to be let go. */
  | { readonly type: 'closed' }
  /** It has given back the connections that came after it closed. */
  | { readonly type: 'left' }

export type ToWorker =
  /** `port` in place of the one that it was started with. */
  | { readonly type: 'listen'; readonly port?: number }
  | { readonly type: 'drain' }
  /** Behind the last connection that was sent to it. */
  | { readonly type: 'released' }

/** A message as it goes over the channel. */
export function envelope(message: FromWorker | ToWorker): object {
  return { [MARK]: message }
}

/** What is in an envelope; undefined for a message that is none. */
export function open<Message extends FromWorker | ToWorker>(value: unknown): Message | undefined {
  if (typeof value !== 'object' || value === null || !(MARK in value)) return undefined
  // The other end is this program, too.
  return value[MARK] as Message
}
