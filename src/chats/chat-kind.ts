/** What answers in chats: made by endpoints, and by programs. */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { RunContext } from '../providers/provider.ts'
import type { RunDefinition } from '../runs/definition.ts'
import type { ChatMessage } from './entries.ts'
import type { ChatPlace } from './history.ts'

/** What is to be answered. */
export interface ChatTurn extends ChatPlace {
  /** The id of the run. */
  readonly run: string
  /** The message that is answered. */
  readonly question: ChatMessage
  /** The branch up to the question, which is the last of it. */
  readonly messages: readonly ChatMessage[]
  /** What came with the send. */
  readonly body?: Json
}

/** What was said. */
export interface ChatAnswer {
  /** One with the id of the question goes on with that, and stands in its place. */
  readonly message: ChatMessage
  /** What the application wants to know of it later, such as how many tokens it took. */
  readonly usage?: Json
}

/** A kind of answer. Any process that knows it can give one, and carry one on, as it is made from the chat alone. */
export interface ChatKind extends Pick<RunDefinition, 'resumable' | 'closing' | 'newAttempt'> {
  /** Yields what goes to the run's log: the provider of one run. Called again by whoever continues the run. */
  readonly answer: (turn: ChatTurn, context: RunContext) => AsyncIterable<Json | object>
  /**
   * Makes the message of what the run kept, whole or in part; undefined for none. Called by whoever ends the run, and
   * maybe again by another process: of the same records it makes the same. What it throws is logged, and the answer has
   * no message.
   */
  readonly message: (
    records: AsyncIterable<Json>,
    turn: ChatTurn,
    end: RunEnd,
  ) => ChatAnswer | undefined | Promise<ChatAnswer | undefined>
}
