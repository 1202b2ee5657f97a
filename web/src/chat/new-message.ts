import type { FileUIPart } from 'ai'

/** What is sent: a text, images, or both. */
export interface NewMessage {
  readonly text: string
  readonly files?: readonly FileUIPart[]
}
