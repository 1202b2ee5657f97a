/** Options of chats. Durations are in seconds, and sizes in bytes as JSON. */
import { type OptionNames, namesOf } from '../protocol/known-options.ts'
import { libraryLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import type { StreamStore } from '../streams/store.ts'
import type { ChatKind } from './chat-kind.ts'
import type { ChatHistory } from './history.ts'

/** What to do with a send during an answer: `refuse` it, let it wait (`queue`), or stop the answer (`replace`). */
export type WhileBusy = 'refuse' | 'queue' | 'replace'

export interface ChatLimits {
  /** Messages of a chat, including answers and waiting messages. Default 2,000. */
  readonly messages: number
  /** Bytes of one message that is sent. Answers may be larger. Default 1 MiB. */
  readonly messageBytes: number
  /** Bytes of a chat beyond which nothing more can be sent in it. Default 64 MiB. */
  readonly chatBytes: number
  /** Messages that may wait in one chat. Default 10. */
  readonly queued: number
  /** Characters of a title. Default 200. */
  readonly title: number
}

export interface ChatsOptions {
  readonly store: StreamStore
  /** Logs what could not be done for a chat. Default: as for a store. */
  readonly logger?: Logger
  /** The kinds of answers, by name: 1 to 64 characters, and different from the names of other kinds of runs. */
  readonly kinds: Readonly<Record<string, ChatKind>>
  /** Default `refuse`. */
  readonly whileBusy?: WhileBusy
  readonly limits?: Partial<ChatLimits>
  /**
   * Seconds that a chat is kept after its last entry. Default `Infinity`: forever; with a `history`, a week.
   */
  readonly retention?: number
  /**
   * Seconds within which another process may start the run of an ask whose process died before starting it. After that,
   * the ask has failed as `interrupted`. Default 600.
   */
  readonly beginWithin?: number
  /** For an application that keeps the messages itself. */
  readonly history?: ChatHistory
}

/** The options with their defaults. Durations are in milliseconds here. */
export interface ChatSettings {
  readonly store: StreamStore
  readonly logger: Logger
  /** Changes while the process runs: see `Chats.redefine`. */
  readonly kinds: Map<string, ChatKind>
  readonly whileBusy: WhileBusy
  readonly limits: ChatLimits
  /** Undefined: forever. */
  readonly retentionMs: number | undefined
  readonly beginWithinMs: number
  /** Changes as the kinds do. */
  history: ChatHistory | undefined
}

const DEFAULT_LIMITS: ChatLimits = {
  messages: 2000,
  messageBytes: 1024 * 1024,
  chatBytes: 64 * 1024 * 1024,
  queued: 10,
  title: 200,
}

export const CHATS_OPTIONS: OptionNames<Omit<ChatsOptions, 'store' | 'logger'>> = {
  kinds: true,
  whileBusy: true,
  limits: namesOf<ChatLimits>(DEFAULT_LIMITS),
  retention: true,
  beginWithin: true,
  history: true,
}
const WEEK = 7 * 86_400
/** What stands around a message in its record. */
const AROUND = 16 * 1024

/** @throws {RangeError} naming the option that is out of range; {TypeError} for a history without its functions. */
export function chatSettings(options: ChatsOptions): ChatSettings {
  const { store, logger = libraryLogger(), kinds, whileBusy = 'refuse', history } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  for (const [name, value] of Object.entries(limits)) {
    if (!(value >= 1)) throw new RangeError(`limits.${name} is ${value}; it takes a number from 1`)
  }
  if (limits.messageBytes > store.limits.recordBytes - AROUND)
    throw new RangeError(
      `limits.messageBytes is ${limits.messageBytes}; the store keeps ${store.limits.recordBytes} bytes in one record, ${AROUND} of them for what stands around a message`,
    )
  if (history && (typeof history.load !== 'function' || typeof history.save !== 'function'))
    throw new TypeError('history takes two functions: load and save')
  if (!['refuse', 'queue', 'replace'].includes(whileBusy))
    throw new RangeError('whileBusy must be refuse, queue or replace')
  for (const name of Object.keys(kinds))
    if (name.length === 0 || name.length > 64)
      throw new RangeError('The name of a kind must be 1 to 64 characters')
  const retention = options.retention ?? (history ? WEEK : Number.POSITIVE_INFINITY)
  const beginWithin = options.beginWithin ?? 600
  if (!(retention >= 1)) throw new RangeError(`retention is ${retention}; it must be at least a second`)
  if (!(beginWithin >= 0)) throw new RangeError(`beginWithin is ${beginWithin}; it must be 0 or more seconds`)
  return {
    store,
    logger,
    kinds: new Map(Object.entries(kinds)),
    whileBusy,
    limits,
    retentionMs: Number.isFinite(retention) ? Math.round(retention * 1000) : undefined,
    beginWithinMs: Math.round(beginWithin * 1000),
    history,
  }
}

/** Puts the kinds and the history of these options in place: see `Chats.redefine`. */
export function redefineChats(settings: ChatSettings, options: Omit<ChatsOptions, 'store'>): string[] {
  const next = chatSettings({ ...options, store: settings.store })
  settings.history = next.history
  settings.kinds.clear()
  for (const [name, kind] of next.kinds) settings.kinds.set(name, kind)
  const limits = Object.keys(DEFAULT_LIMITS) as (keyof ChatLimits)[]
  return [
    ...(next.whileBusy === settings.whileBusy ? [] : ['whileBusy']),
    ...limits.filter((name) => next.limits[name] !== settings.limits[name]).map((name) => `limits.${name}`),
    ...(next.retentionMs === settings.retentionMs ? [] : ['retention']),
    ...(next.beginWithinMs === settings.beginWithinMs ? [] : ['beginWithin']),
  ]
}
