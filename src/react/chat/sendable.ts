/** What a page gives to be sent, made a message. */
import { type CreateUIMessage, type FileUIPart, type UIMessage, convertFileListToFileUIParts } from 'ai'

/** A `FileList` of the page. */
export interface Files {
  readonly length: number
  item(index: number): object | null
}

/** As `sendMessage` of `useChat` takes it. */
export type Sendable<M extends UIMessage = UIMessage> =
  | (CreateUIMessage<M> & { readonly text?: never; readonly files?: never; readonly messageId?: string })
  | {
      readonly text: string
      readonly files?: Files | readonly FileUIPart[]
      readonly metadata?: M['metadata']
      readonly parts?: never
      readonly messageId?: string
    }
  | {
      readonly files: Files | readonly FileUIPart[]
      readonly text?: never
      readonly metadata?: M['metadata']
      readonly parts?: never
      readonly messageId?: string
    }

/** Its own type is that of browsers alone. */
const readFiles = convertFileListToFileUIParts as (files: Files | undefined) => Promise<FileUIPart[]>

/** With an id of its own, unless it has one. */
export async function messageOf<M extends UIMessage>(
  message: Sendable<M>,
  generateId: () => string,
): Promise<M & { readonly text?: never; readonly files?: never }> {
  const { messageId: _, ...given } = message
  const { text, files, ...rest } = given as {
    readonly text?: string
    readonly files?: Files | readonly FileUIPart[]
    readonly id?: string
    readonly parts?: UIMessage['parts']
  }
  const isPlain = text !== undefined || files !== undefined
  const attached = files && 'map' in files ? files : await readFiles(files)
  const parts = isPlain
    ? [...attached, ...(text === undefined ? [] : [{ type: 'text', text } as const])]
    : rest.parts
  return { role: 'user', ...rest, id: rest.id ?? generateId(), parts } as M & {
    readonly text?: never
    readonly files?: never
  }
}
