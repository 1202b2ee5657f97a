/** Merges deltas of one part that came together, so that a page shows many of them at once. */
import type { UIMessageChunk } from 'ai'

type Delta = Extract<UIMessageChunk, { type: 'text-delta' | 'reasoning-delta' }>

export function mergeChunks(chunks: readonly UIMessageChunk[]): UIMessageChunk[] {
  const merged: UIMessageChunk[] = []
  let last: Delta | undefined
  let texts: string[] = []
  const finish = (): void => {
    if (last) merged.push({ ...last, delta: texts.join('') })
    last = undefined
    texts = []
  }
  for (const chunk of chunks) {
    const isMore = isDelta(chunk) && last?.type === chunk.type && last.id === chunk.id
    if (!isMore) finish()
    if (!isDelta(chunk)) {
      merged.push(chunk)
      continue
    }
    last = chunk
    texts.push(chunk.delta)
  }
  finish()
  return merged
}

/** One that says nothing but a text. */
function isDelta(chunk: UIMessageChunk): chunk is Delta {
  const isOne = chunk.type === 'text-delta' || chunk.type === 'reasoning-delta'
  return isOne && Object.keys(chunk).length === 3
}
