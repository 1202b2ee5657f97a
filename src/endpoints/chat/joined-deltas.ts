/**
 * Joins the deltas of each part up to the next chunk of another kind. Whoever makes a message of the chunks of an answer
 * copies it at every one of them, and reads the input of a tool from its beginning: of thousands of deltas that takes
 * minutes.
 */
import type { UIMessageChunk } from 'ai'

type Delta = Extract<UIMessageChunk, { type: 'text-delta' | 'reasoning-delta' | 'tool-input-delta' }>

/** A delta, and the texts of it and of those that follow. */
interface Joined {
  readonly chunk: Delta
  readonly texts: string[]
}

/** What is read of a part is the same, but for the moments in between. */
export async function* joinedDeltas(chunks: AsyncIterable<UIMessageChunk>): AsyncGenerator<UIMessageChunk> {
  /** By part, in the order in which they began. */
  const open = new Map<string, Joined>()
  for await (const chunk of chunks) {
    if (isDelta(chunk)) add(open, chunk)
    else {
      yield* flushed(open)
      yield chunk
    }
  }
  yield* flushed(open)
}

function add(open: Map<string, Joined>, chunk: Delta): void {
  const part = `${chunk.type} ${chunk.type === 'tool-input-delta' ? chunk.toolCallId : chunk.id}`
  const { texts = [], chunk: before } = open.get(part) ?? {}
  texts.push(chunk.type === 'tool-input-delta' ? chunk.inputTextDelta : chunk.delta)
  // The metadata of the last one that has any holds.
  open.set(part, { chunk: { ...before, ...chunk }, texts })
}

function* flushed(open: Map<string, Joined>): Generator<UIMessageChunk> {
  for (const { chunk, texts } of open.values()) {
    const text = texts.join('')
    yield chunk.type === 'tool-input-delta' ? { ...chunk, inputTextDelta: text } : { ...chunk, delta: text }
  }
  open.clear()
}

function isDelta(chunk: UIMessageChunk): chunk is Delta {
  return chunk.type === 'text-delta' || chunk.type === 'reasoning-delta' || chunk.type === 'tool-input-delta'
}
