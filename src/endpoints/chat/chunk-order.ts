/**
 * Finds chunks that continue what never began, such as a `text-delta` without its `text-start`. The schema takes them one
 * by one, and every client stops at them with an error.
 */
import type { UIMessage, UIMessageChunk } from 'ai'
import type { ChatMessage } from '../../conversation/entries.ts'

export class ChunkOrder {
  readonly #open = new Set<string>()
  /** Ids of the calls of tools. */
  readonly #calls: Set<string>

  /** @param question the message that is answered: the calls in it may get their results. */
  constructor(question: ChatMessage) {
    const { role, parts } = question as unknown as Partial<UIMessage>
    const calls = role === 'assistant' ? (parts ?? []).filter((part) => 'toolCallId' in part) : []
    this.#calls = new Set(calls.map(({ toolCallId }) => toolCallId))
  }

  /** Returns what is wrong with the next chunk, for the log. */
  faultOf(chunk: UIMessageChunk): string | undefined {
    switch (chunk.type) {
      case 'text-start':
      case 'reasoning-start':
        this.#open.add(partOf(chunk))
        return undefined
      case 'text-delta':
      case 'reasoning-delta':
        return this.#open.has(partOf(chunk)) ? undefined : faultIn(chunk, chunk.id)
      case 'text-end':
      case 'reasoning-end':
        return this.#open.delete(partOf(chunk)) ? undefined : faultIn(chunk, chunk.id)
      case 'tool-input-start':
        this.#open.add(`tool ${chunk.toolCallId}`)
        this.#calls.add(chunk.toolCallId)
        return undefined
      case 'tool-input-delta':
        return this.#open.has(`tool ${chunk.toolCallId}`) ? undefined : faultIn(chunk, chunk.toolCallId)
      case 'tool-input-available':
      case 'tool-input-error':
        this.#calls.add(chunk.toolCallId)
        return undefined
      case 'tool-approval-request':
      case 'tool-output-available':
      case 'tool-output-error':
      case 'tool-output-denied':
        return this.#calls.has(chunk.toolCallId) ? undefined : faultIn(chunk, chunk.toolCallId)
      case 'reset-step':
        this.#open.clear()
        return undefined
      default:
        return undefined
    }
  }
}

function partOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type.slice(0, type.indexOf('-'))} ${id}`
}

function faultIn({ type }: UIMessageChunk, id: string): string {
  return `A ${type} has the id ${JSON.stringify(id.slice(0, 100))}, with which nothing began`
}
