/** The kind of answers in a chat of the AI SDK. */
import type { ChatKind } from '../../chats/chat-kind.ts'
import { answerMessage, isSameMessage } from './answer-message.ts'
import { answer } from './answer.ts'
import type { AnswerSource } from './chat-source.ts'
import { lastWords } from '../../conversation/last-words.ts'

/** @param resumable whether another process continues an answer from its checkpoint. */
export function answerKind(source: AnswerSource, resumable = false): ChatKind {
  return {
    resumable,
    answer: (turn, context) => answer(source, turn, context),
    message: answerMessage,
    closing: lastWords,
    isSame: isSameMessage,
  }
}
