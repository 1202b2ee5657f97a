/** The public entry of `millrace/openai`. */
import { needPackage } from './protocol/needed-package.ts'
export { loadOpenAI, openai, openaiChat } from './providers/openai/openai.ts'
export { answerOutcome, answerText } from './providers/openai/answer.ts'
export type { AnswerOutcome } from './providers/openai/answer.ts'
export { chatOutcome, chatText } from './providers/openai/chat-answer.ts'
export type { ChatChunk } from './providers/openai/chat-answer.ts'
export type {
  BackgroundOptions,
  ChatRequest,
  OpenAIChatOptions,
  OpenAIOptions,
  ResponseRequest,
  ServiceOptions,
} from './providers/openai/options.ts'
export { DEFAULT_MODEL, InvalidSettingError, openAISettings } from './providers/openai/settings.ts'
export type { OpenAIEnvironment, OpenAIService, OpenAISettings } from './providers/openai/settings.ts'
export type { ResponseStreamEvent } from './providers/openai/response-event.ts'
export { text } from './providers/openai/text.ts'
export { upstreamError } from './providers/upstream-cause.ts'
export { UpstreamError } from './providers/upstream-error.ts'
export type { UpstreamErrorCode, UpstreamFault } from './providers/upstream-error.ts'

needPackage('millrace/openai', 'openai')
