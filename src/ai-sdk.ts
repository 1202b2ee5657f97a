/** The public entry of `millrace/ai-sdk`: the server of every stock `useChat`. */
export type {
  AnswerModel,
  AnswerRequest,
  AnswerSource,
  AnswerStream,
  UIStreamOptions,
} from './endpoints/chat/chat-source.ts'
export { type ChatOptions, chat } from './routing/chat-routes.ts'
export type { ServedChat, ServedChats } from './routing/served-chat.ts'
export { type AiSdkOptions, aiSdk } from './providers/ai-sdk/ai-sdk.ts'
export { aiSdkError } from './providers/ai-sdk/ai-sdk-error.ts'
