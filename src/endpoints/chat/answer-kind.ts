/** The kind of answers in a chat of the AI SDK. */
import type { ChatKind } from '../../chats/chat-kind.ts'
import { answerMessage } from './answer-message.ts'
import { answer } from './answer.ts'
import type { AnswerSource } from './chat-source.ts'
import { lastWords } from './last-words.ts'

export function answerKind(source: AnswerSource): ChatKind {
  return {
    answer: (turn, context) => answer(source, turn, context),
    message: answerMessage,
    closing: lastWords,
  }
}
