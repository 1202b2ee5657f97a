/** The kinds of answers in chats. Endpoints and applications define them. */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { RunContext } from '../providers/provider.ts'
import type { RunDefinition } from '../runs/definition.ts'
import type { ChatMessage } from '../conversation/entries.ts'
import type { ChatPlace } from './history.ts'

/** A message to answer. */
export interface ChatTurn extends ChatPlace {
  /** The id of the run. */
  readonly run: string
  /** The message that is answered. */
  readonly question: ChatMessage
  /** The branch up to the question, which is the last of it. */
  readonly messages: readonly ChatMessage[]
  /** What came with the send. */
  readonly body?: Json
  /** Bytes of the largest message, as JSON, that the chat keeps as the answer. */
  readonly mostBytes: number
  /** Reads what the run has kept so far, for a kind that begins anew: the records of earlier attempts, and the marks. */
  readonly records?: () => AsyncIterable<Json>
}

/** An answer. */
export interface ChatAnswer {
  /** A message with the id of the question continues that message, and replaces it. */
  readonly message: ChatMessage
  /** What the application wants to keep with it, such as the number of tokens. */
  readonly usage?: Json
}

/** A kind of answer. It is made from the chat alone, so any process that knows it can give an answer or continue one. */
export interface ChatKind extends Pick<RunDefinition, 'resumable' | 'closing' | 'newAttempt'> {
  /** The provider of one run: yields its records. Called again by the process that continues the run. */
  readonly answer: (turn: ChatTurn, context: RunContext) => AsyncIterable<Json | object>
  /**
   * Makes the message from the records of a run, whole or partial; undefined for none. The process that ends the run
   * calls it, and maybe another one again: the same records must give the same message. If it throws, that is logged and
   * the answer has no message. With a `history` the turn has only the messages that the chat's stream holds.
   */
  readonly message: (
    records: AsyncIterable<Json>,
    turn: ChatTurn,
    end: RunEnd,
  ) => ChatAnswer | undefined | Promise<ChatAnswer | undefined>
  /**
   * Whether a message that a page sent along with its question is one that the chat has kept; for chats in which the page
   * says what came before. Default: it is the same JSON.
   */
  readonly isSame?: (kept: ChatMessage, sent: ChatMessage) => boolean
}
