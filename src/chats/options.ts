/** How chats behave. Durations are in seconds, and sizes in bytes as JSON. */
import { type OptionNames, namesOf } from '../protocol/known-options.ts'
import { libraryLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import type { StreamStore } from '../streams/store.ts'
import type { ChatKind } from './chat-kind.ts'
import type { ChatHistory } from './history.ts'

/** What comes while a message is being answered: it is refused, waits for its turn, or has the answer stopped for it. */
export type WhileBusy = 'refuse' | 'queue' | 'replace'

export interface ChatLimits {
  /** Messages of a chat, answers and those that wait included. Default 2,000. */
  readonly messages: number
  /** Bytes of one message, answers aside. Default 1 MiB. */
  readonly messageBytes: number
  /** Bytes of a chat, from which on nothing more is sent in it. Default 64 MiB. */
  readonly chatBytes: number
  /** Messages that wait in one chat. Default 10. */
  readonly queued: number
  /** Characters of a title. Default 200. */
  readonly title: number
}

export interface ChatsOptions {
  readonly store: StreamStore
  /** Hears what could not be done for a chat. Default: as for a store. */
  readonly logger?: Logger
  /** What answers, by name: 1 to 64 characters, and none that is the name of other runs. */
  readonly kinds: Readonly<Record<string, ChatKind>>
  /** Default `refuse`. */
  readonly whileBusy?: WhileBusy
  readonly limits?: Partial<ChatLimits>
  /**
   * Seconds that a chat is kept after its last entry. Default `Infinity`: for good; or, with a `history`, a week.
   */
  readonly retention?: number
  /**
   * Seconds within which an answer that was asked for, and whose run nobody started, is begun by whoever finds it.
   * After that it has failed as `interrupted`. Default 600.
   */
  readonly beginWithin?: number
  /** For an application that keeps the messages itself. */
  readonly history?: ChatHistory
}

/** The same, whole; milliseconds. */
export interface ChatSettings {
  readonly store: StreamStore
  readonly logger: Logger
  /** Changes while the process runs: see `Chats.redefine`. */
  readonly kinds: Map<string, ChatKind>
  readonly whileBusy: WhileBusy
  readonly limits: ChatLimits
  /** Undefined: for good. */
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

/** @throws {RangeError} naming the option that is out of range. */
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
  if (!['refuse', 'queue', 'replace'].includes(whileBusy))
    throw new RangeError('whileBusy is refuse, queue or replace')
  for (const name of Object.keys(kinds))
    if (name.length === 0 || name.length > 64)
      throw new RangeError('The name of a kind is 1 to 64 characters')
  const retention = options.retention ?? (history ? WEEK : Number.POSITIVE_INFINITY)
  const beginWithin = options.beginWithin ?? 600
  if (!(retention >= 1)) throw new RangeError(`retention is ${retention}; it takes a second at least`)
  if (!(beginWithin >= 0)) throw new RangeError(`beginWithin is ${beginWithin}; it takes 0 or more seconds`)
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
export function redefineSettings(settings: ChatSettings, options: Omit<ChatsOptions, 'store'>): string[] {
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
