/** What can be done with a message. The functions stay the same. */
import type { FileUIPart } from 'ai'

export interface MessageActions {
  readonly edit: (messageId: string, text: string, files: FileUIPart[]) => void
  /** Answers the question of a message again. */
  readonly again: (messageId: string) => void
  /** Lets a tool be called, or not. */
  readonly approve: (id: string, approved: boolean) => void
}
