/** The files of messages, as far as a model can read them. */
import type { FileUIPart, UIMessage } from 'ai'
import { RunFailedError } from '../../runs/end-reasons.ts'

export const PICTURES: readonly string[] = ['image/png', 'image/jpeg', 'image/webp', 'image/gif']

const PDF = 'application/pdf'

export const PICTURES_AND_PDF: readonly string[] = [...PICTURES, PDF]

/**
 * The messages with those files alone that are of these types and come with the message. For a file of an earlier message
 * there is a line that names it, so that a refused one does not break the rest of the chat.
 *
 * @throws {RunFailedError} `file_refused` for a file of the last message.
 */
export function withReadableFiles(messages: readonly UIMessage[], types: readonly string[]): UIMessage[] {
  return messages.map((message, index) => {
    if (message.role !== 'user') return message
    const parts = message.parts.map((part) => {
      if (part.type !== 'file' || isReadable(part, types)) return part
      if (index === messages.length - 1) throw refusal(part, types)
      return { type: 'text' as const, text: `[The file ${nameOf(part)} was attached. It cannot be read.]` }
    })
    return { ...message, parts }
  })
}

/** An address is not fetched: it could be one that only this server reaches. */
function isReadable({ url, mediaType }: FileUIPart, types: readonly string[]): boolean {
  return types.includes(mediaType) && url.startsWith(`data:${mediaType};base64,`)
}

function refusal(part: FileUIPart, types: readonly string[]): RunFailedError {
  const kinds = types.includes(PDF)
    ? 'pictures (PNG, JPEG, WebP, GIF) and PDF'
    : 'pictures (PNG, JPEG, WebP, GIF)'
  const why = part.url.startsWith('data:') ? '' : ', sent with the message'
  return new RunFailedError('file_refused', `${nameOf(part)} cannot be read. The model takes ${kinds}${why}.`)
}

function nameOf({ filename, mediaType }: FileUIPart): string {
  return filename?.slice(0, 100) || `of type ${mediaType.slice(0, 100)}`
}
