/** What can happen in a simulation. */
import type { WhileBusy } from '../../src/chats/options.ts'
import type { Question } from './chat-kind.ts'
import type { Outage } from './faults.ts'
import type { ReaderPlan } from './reader.ts'
import type { Script } from './providers.ts'

export type Deed =
  | {
      readonly type: 'start'
      readonly run: string
      readonly script: Script
      readonly kind: boolean
      readonly via: Via
    }
  | { readonly type: 'stop'; readonly run: string; readonly via: Via }
  | { readonly type: 'retry' | 'delete' | 'look'; readonly run: string; readonly slot: number }
  | (Struck & { readonly type: 'kill'; readonly downMs: number })
  | (Struck & { readonly type: 'drain'; readonly downMs: number })
  | (Struck & { readonly type: 'freeze'; readonly forMs: number })
  | (Struck & { readonly type: 'outage'; readonly forMs: number; readonly how: Outage })
  | { readonly type: 'cut'; readonly slot: number; readonly serverAfterMs: number }
  | { readonly type: 'stall'; readonly reader: number; readonly forMs: number }
  | { readonly type: 'read'; readonly reader: ReaderPlan }
  | { readonly type: 'write'; readonly stream: string; readonly last: string; readonly count: number }
  /** Slot -1 is the store's own clock, and -2 that of the store and of all processes. */
  | { readonly type: 'jump'; readonly slot: number; readonly ms: number; readonly forMs: number }
  | {
      readonly type: 'stranger'
      readonly run: string
      readonly how: 'appends' | 'closes' | 'replaces metadata'
    }
  | { readonly type: 'remove'; readonly run: string; readonly script: Script; readonly slot: number }
  | { readonly type: 'same-id'; readonly run: string; readonly script: Script; readonly slot: number }
  | { readonly type: 'foreign-leases'; readonly count: number }
  | { readonly type: 'damage'; readonly stream: string; readonly slot: number }
  | { readonly type: 'sweep'; readonly slot: number }
  | { readonly type: 'laggards'; readonly count: number }
  /** Strangers who append to one stream, each behind the tail that it saw. */
  | { readonly type: 'race'; readonly stream: string; readonly writers: number; readonly count: number }
  /** Somebody keeps a stream from coming to the end of its time: it is touched so often, with so long in between. */
  | {
      readonly type: 'keep'
      readonly stream: string
      readonly ttlMs: number
      readonly everyMs: number
      readonly count: number
    }
  | InChat
  /** A process dies over one of its next calls that are for chats: before it arrives, or after. */
  | {
      readonly type: 'chat-doom'
      readonly slot: number
      readonly calls: number
      readonly when: 'before' | 'after'
    }
  | { readonly type: 'lose-tail'; readonly stream: string; readonly count: number }
  | { readonly type: 'trim'; readonly stream: string; readonly last: number; readonly slot: number }

/** Somebody does something in a chat. */
interface InChat {
  readonly type: 'chat'
  readonly does:
    | 'send'
    | 'page-send'
    | 'edit'
    | 'regenerate'
    | 'take-back'
    | 'stop'
    | 'look'
    | 'rename'
    | 'select'
    | 'remove'
    | 'delete'
    | 'follow'
  readonly chat: string
  readonly tab: string
  /** Which process is asked first. */
  readonly slot: number
  /** What it is about. */
  readonly message: string
  readonly question: Question | undefined
  /** Of a page that says what came before: which of these it leaves out, if there are as many. */
  readonly leavesOut?: number
  readonly whileBusy: WhileBusy
  /** Whether the tab stays open until it has an answer. */
  readonly persists: boolean
}

/** Which process it happens to: that which works on a run, if any does, or the one with this number. */
interface Struck {
  readonly slot: number
  readonly run?: string | undefined
}

/** A process of the cluster, by its number, or a client. */
export type Via = number | 'client'

export interface Act {
  readonly atMs: number
  readonly deed: Deed
}

export type DeedOf<Type extends Deed['type']> = Extract<Deed, { readonly type: Type }>
