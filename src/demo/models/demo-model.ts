/** What answers in the demo: a model, for prompts and for chats. */
import type { AnswerSource } from '../../endpoints/chat/chat-source.ts'
import type { Provider } from '../../providers/provider.ts'

export interface DemoModel {
  /** As people read it: `gpt-5.5`, `anthropic/claude-haiku-5-5`. */
  readonly name: string
  /** Whether another process continues an answer whose process died. */
  readonly canResume: boolean
  /** Media types of the files that a message may contain. */
  readonly files: readonly string[]
  /** Answers one prompt, with the pieces of its text. */
  readonly answer: (prompt: string) => Provider<string>
  /** Answers in a chat. */
  readonly source: AnswerSource
}

/** What a page is told of it, at `/api/model`. */
export interface ModelInfo {
  /** `null` if a script answers. */
  readonly name: string | null
  readonly isScripted: boolean
  readonly canResume: boolean
  /** The files that a message may contain, as `<input accept>` takes them. */
  readonly accept: string
}
