/** What happened, as facts that a checker can hold against the promises: of a simulation or of real processes. */
import type { Json } from '../../src/protocol/json.ts'
import type { RunEnd } from '../../src/protocol/run-end.ts'
import type { Producer } from '../../src/streams/store.ts'

/** Where a fact is from: a life of a stream's id. */
interface InStream {
  readonly stream: string
  readonly incarnation: string
}

export type Fact =
  /** The store kept it. What came of a create is from 0. */
  | (InStream & {
      readonly type: 'kept'
      readonly from: number
      readonly records: readonly string[]
      readonly closed: boolean
      /** What it was closed with. */
      readonly end?: Json | undefined
      /** The metadata was replaced. */
      readonly metadata?: boolean
      readonly by: string
      readonly producer?: Producer
      /** The stream of the chat, where it is a run that answers in one. */
      readonly chat?: string
      /** Whether it is the create of the stream. */
      readonly created?: boolean
      /** Whether whoever closed it left an end to be told. */
      readonly owes?: boolean
    })
  /** Somebody was given a lease. */
  | (InStream & { readonly type: 'leased'; readonly epoch: number; readonly holder: string })
  | {
      readonly type: 'removed'
      readonly stream: string
      readonly by: string
      readonly reason: 'deleted' | 'expired'
      /** Whether its time was over by a clock that nobody sets. */
      readonly due?: boolean
    }
  /** Records of a stream were removed: those before `first`. */
  | (InStream & { readonly type: 'trimmed'; readonly first: number })
  /** A reader is told that it has missed something, and goes on at `first`. */
  | (InStream & { readonly type: 'reader-trimmed'; readonly reader: string; readonly first: number })
  /** The clock of the store is far ahead: what is past its time by it is hidden, and is there again later. */
  | { readonly type: 'hidden'; readonly aheadMs: number }
  /** Whoever appended was told that it is kept: all before `next`, of which these are the last. */
  | (InStream & {
      readonly type: 'acknowledged'
      readonly next: number
      readonly records: readonly string[]
      readonly closed: boolean
    })
  /** An append that had come before is answered as such; all before `next` is said to be kept. */
  | (InStream & { readonly type: 'recognised'; readonly next: number; readonly closed: boolean })
  /** A server sent records; `reader` is one subscription of one connection. */
  | (InStream & {
      readonly type: 'sent'
      readonly reader: string
      readonly from: number
      readonly records: readonly string[]
    })
  /** A program took a record, the one before place `next`. */
  | (InStream & {
      readonly type: 'read'
      readonly reader: string
      readonly next: number
      readonly record: string
    })
  | {
      readonly type: 'reader-ended'
      readonly reader: string
      readonly stream: string
      readonly status: string
      readonly error?: string | undefined
      /** Whether it was the program that left. */
      readonly left: boolean
      /** The place after what it took; undefined when it never learnt of one. */
      readonly next: number | undefined
    }
  /** A run is wanted: what its records are to be. */
  | { readonly type: 'run-asked'; readonly run: string; readonly source: RunSource }
  | { readonly type: 'run-started'; readonly run: string; readonly tag: string; readonly by: string }
  /** Whoever holds a run, or asked for it, is told how it ended. */
  | { readonly type: 'end-told'; readonly run: string; readonly status: RunEnd['status'] }
  | { readonly type: 'stop-asked'; readonly run: string }
  | { readonly type: 'stop-answered'; readonly run: string; readonly status: RunEnd['status'] }
  | {
      readonly type: 'generation-began' | 'generation-ended'
      readonly run: string
      readonly generation: number
      readonly by: string
      /** Whether it ended with its process. */
      readonly died?: boolean
    }
  /** The kind of a run is told of its end; `call` counts over all processes. */
  | (InStream & {
      readonly type: 'ended-called'
      readonly call: number
      readonly status: RunEnd['status']
      readonly by: string
    })
  /** That has returned, or failed. */
  | (InStream & { readonly type: 'ended-over'; readonly call: number; readonly how: 'returned' | 'failed' })
  /** A generation knows what it has under way upstream. */
  | { readonly type: 'upstream-known'; readonly run: string; readonly job: string; readonly by: string }
  /** A process sends the close of a run: what it learns from here on is not in that. */
  | { readonly type: 'upstream-closing'; readonly run: string; readonly by: string }
  /** That is kept: with a checkpoint, or with what is owed behind an end. */
  | (InStream & { readonly type: 'upstream-kept'; readonly job: string })
  | { readonly type: 'upstream-over'; readonly job: string; readonly how: 'done' | 'cancelled' }
  /** Whoever sent a message in a chat was told that it is kept, or that it was taken back. */
  | {
      readonly type: 'chat-sent'
      readonly stream: string
      readonly run: string
      readonly message: string
      /** The ids of what its page said came before it. */
      readonly before?: readonly string[]
    }
  | {
      readonly type: 'chat-taken-back' | 'chat-selected' | 'chat-removed'
      readonly stream: string
      readonly message: string
    }
  /** A tab follows a chat from a place on, and is then told of the entry before each next one. */
  | { readonly type: 'chat-followed'; readonly stream: string; readonly by: string; readonly at: number }
  | {
      readonly type: 'chat-seen'
      readonly stream: string
      readonly by: string
      readonly next: number
      readonly entry: string
    }
  /** The application has kept a question and its answer. */
  | {
      readonly type: 'chat-saved'
      readonly stream: string
      readonly run: string
      readonly messages: readonly string[]
    }
  /** What a process knows for a fault: its log has a line that no healthy one has. */
  | { readonly type: 'fault-logged'; readonly by: string; readonly message: string }
  | { readonly type: 'held'; readonly by: string; readonly bytes: number; readonly atMost: number }
  /** Something that never came, though it was waited for long enough. */
  | { readonly type: 'missed'; readonly invariant: Invariant; readonly what: string }

/** What the records of a run are made from. */
export interface RunSource {
  /** Stands in each record. */
  readonly tag: string
  /** How many records an undisturbed run yields; null: it does not end. */
  readonly events: number | null
  /** Whether its end comes in its records' number: an event that it answers a stop with comes on top. */
  readonly fails: boolean
  readonly resumable: boolean
  /** Whether its kind is to be told of its end; left out, it is where whoever closes it says so. */
  readonly tells?: boolean
  /** Whether nobody may generate it a second time. */
  readonly once?: boolean
}

export type Invariant =
  /** Nobody misses a record, has it twice, or has it out of order. */
  | 'reader-order'
  /** What a reader was given is in the log. */
  | 'seen-means-kept'
  /** Only the holder of the lease writes a run's log. */
  | 'holder-only'
  /** An epoch has one holder, and none writes after a higher one. */
  | 'one-writer'
  /** Every run ends once, and in time. */
  | 'run-ends'
  /** It ends as it should. */
  | 'right-end'
  /** A stop that was answered stays a stop. */
  | 'stop-holds'
  /** What was acknowledged is not lost. */
  | 'nothing-lost'
  /** A log is what one undisturbed run yields, up to some place, and its end. */
  | 'prefix'
  /** A run stays where it is while its process, its store and the clocks are well. */
  | 'stays'
  /** A process that shuts down leaves its runs to others at once. */
  | 'handed-over'
  /** Each epoch generates once, what cannot be continued never again, and no generation outlives its run. */
  | 'generations'
  /** A kind is told of each end of its runs once it is kept, and twice only where the first time may have been in vain. */
  | 'ended-told'
  /** What a run has under way upstream when it ends, and known, is cancelled: by somebody. */
  | 'cancelled'
  /** What is appended on the condition that it follows a place follows it. */
  | 'follows'
  /** Whoever starts a run is given what was asked for. */
  | 'right-answer'
  /** What was sent in a chat is answered once, and nothing else. */
  | 'chat-once'
  /** Everything in a chat comes in its turn, behind what was said before. */
  | 'chat-order'
  /** Nothing that was sent or said in a chat is lost. */
  | 'chat-kept'
  /** What is asked is answered in time. */
  | 'answered'
  /** A reader comes to the end of what there is, in time, and is told how it ended. */
  | 'reader-ends'
  /** Nothing is left of whoever closed. */
  | 'nothing-left'
  /** What delivery holds is bounded. */
  | 'bounded'
  /** Nothing throws out of a task, and no process finds a fault of its own. */
  | 'no-fault'

export interface Violation {
  readonly invariant: Invariant
  readonly message: string
}

/** Tells of a promise that is broken. */
export type Fail = (invariant: Invariant, message: string) => void

/** How a fact is written where a person reads it. */
export function describeFact(fact: Fact): string {
  const { type, ...fields } = fact
  const words = Object.entries(fields).map(([name, value]) => {
    if (value === undefined || value === false) return ''
    if (name === 'incarnation') return ''
    if (name === 'records') return shortened(value as readonly string[])
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  })
  return [type, ...words].filter(Boolean).join(' ')
}

function shortened(records: readonly string[]): string {
  if (records.length <= 4) return `[${records.join(' ')}]`
  return `[${records[0]} … ${records.at(-1)}, ${records.length}]`
}
