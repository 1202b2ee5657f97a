/**
 * Ends an answer that has become larger than its chat keeps a message. Otherwise a page would show it whole, and the chat
 * would have nothing of it.
 */
import { Buffer } from 'node:buffer'
import type { UIMessageChunk } from 'ai'
import type { ChatTurn } from '../../chats/chat-kind.ts'
import { RunFailedError } from '../../runs/end-reasons.ts'

/** @throws {RunFailedError} `answer_too_large`. */
export async function* withinSize(
  chunks: AsyncIterable<UIMessageChunk>,
  { question, mostBytes }: ChatTurn,
): AsyncGenerator<UIMessageChunk> {
  const size = new AnswerSize(question.role === 'assistant' ? bytesOf(question) : 0)
  for await (const chunk of chunks) {
    size.add(chunk)
    if (size.bytes > mostBytes)
      throw new RunFailedError(
        'answer_too_large',
        'The answer became larger than this chat keeps, and ends here.',
      )
    yield chunk
  }
}

/** About the size of a message as JSON, at least. */
class AnswerSize {
  #bytes: number
  /** Of what later chunks replace: a part of data, the input of a tool, its output. */
  readonly #replaced = new Map<string, number>()

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  add(chunk: UIMessageChunk): void {
    switch (chunk.type) {
      case 'text-delta':
      case 'reasoning-delta':
        this.#bytes += bytesOf(chunk.delta)
        return
      case 'tool-input-delta':
        this.#grow(`input ${chunk.toolCallId}`, bytesOf(chunk.inputTextDelta))
        return
      case 'tool-input-available':
        this.#put(`input ${chunk.toolCallId}`, bytesOf(chunk))
        return
      case 'tool-output-available':
        this.#put(`output ${chunk.toolCallId}`, bytesOf(chunk))
        return
      default:
        this.#addOther(chunk)
    }
  }

  #addOther(chunk: UIMessageChunk): void {
    const { type, id, transient } = chunk as { type: string; id?: unknown; transient?: unknown }
    if (!type.startsWith('data-')) this.#bytes += bytesOf(chunk)
    // What passes is in no message.
    else if (transient !== true) {
      if (typeof id === 'string') this.#put(`${type} ${id}`, bytesOf(chunk))
      else this.#bytes += bytesOf(chunk)
    }
  }

  #put(what: string, bytes: number): void {
    this.#bytes += bytes - (this.#replaced.get(what) ?? 0)
    this.#replaced.set(what, bytes)
  }

  #grow(what: string, bytes: number): void {
    this.#put(what, (this.#replaced.get(what) ?? 0) + bytes)
  }
}

/** What JSON cannot carry is refused elsewhere. */
function bytesOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value) ?? '')
  } catch {
    return 0
  }
}
