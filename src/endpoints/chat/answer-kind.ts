/** The kind of answers in a chat of the AI SDK. */
import type { ChatKind } from '../../chats/chat-kind.ts'
import { answerMessage, isSameMessage } from './answer-message.ts'
import { answer } from './answer.ts'
import { withinSize } from './answer-size.ts'
import type { AnswerSource } from './chat-source.ts'
import { lastWords } from '../../conversation/last-words.ts'
import { newAttempt } from './new-attempt.ts'

export interface AnswerKindOptions {
  /** Whether another process continues an answer from its checkpoint. */
  readonly resumable?: boolean
  /** What becomes of an answer whose process died, unless it is continued: it ends, or is asked for again. */
  readonly afterCrash?: 'end' | 'again'
}

export function answerKind(
  source: AnswerSource,
  { resumable = false, afterCrash = 'end' }: AnswerKindOptions = {},
): ChatKind {
  return {
    resumable,
    ...(afterCrash === 'again' && { newAttempt }),
    answer: (turn, context) => withinSize(answer(source, turn, context), turn),
    message: answerMessage,
    closing: lastWords,
    isSame: isSameMessage,
  }
}
