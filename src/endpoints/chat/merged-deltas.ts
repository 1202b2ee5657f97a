/**
 * Merges consecutive deltas of one part in a batch, so that a late or slow reader gets a few large chunks instead of many
 * small ones. Chunks are JSON texts, as in the log.
 */
import type { SharedEncoder } from '../../delivery/batch.ts'

/** How a delta that can be merged is written, up to the id of its part. */
const HEADS = ['{"type":"text-delta","id":"', '{"type":"reasoning-delta","id":"'] as const
const MIDDLE = '","delta":"'
const TOOL_HEAD = '{"type":"tool-input-delta","toolCallId":"'
const TOOL_MIDDLE = '","inputTextDelta":"'
const END = '"}'

/** A delta that has only a type, a part and a text. */
interface Delta {
  /** Everything before the text. Deltas with the same beginning belong to the same part. */
  readonly begin: string
  /** The text, as JSON without its quotes. */
  readonly text: string
}

/** Made once for all readers at a place. */
export const mergedDeltas: SharedEncoder<readonly string[]> = {
  encode: ({ records }) => mergeDeltas(records as readonly string[]),
}

export function mergeDeltas(chunks: readonly string[]): readonly string[] {
  if (chunks.length < 2) return chunks
  const merged: string[] = []
  let begin: string | undefined
  let texts: string[] = []
  const finish = (): void => {
    if (begin !== undefined) merged.push(begin + texts.join('') + END)
    begin = undefined
    texts = []
  }
  for (const chunk of chunks) {
    const delta = deltaOf(chunk)
    if (!delta || delta.begin !== begin) finish()
    if (delta) {
      begin = delta.begin
      texts.push(delta.text)
    } else merged.push(chunk)
  }
  finish()
  return merged
}

function deltaOf(chunk: string): Delta | undefined {
  const isTool = chunk.startsWith(TOOL_HEAD)
  const head = isTool ? TOOL_HEAD : HEADS.find((one) => chunk.startsWith(one))
  if (head === undefined) return undefined
  const middle = isTool ? TOOL_MIDDLE : MIDDLE
  // An id with a quote or a backslash in it, which nobody draws, is not looked for.
  const idEnd = chunk.indexOf('"', head.length)
  if (!chunk.startsWith(middle, idEnd) || !chunk.endsWith(END)) return undefined
  const textStart = idEnd + middle.length
  const text = chunk.slice(textStart, -END.length)
  return isOneString(text) ? { begin: chunk.slice(0, textStart), text } : undefined
}

/** Whether this is the inside of one JSON string, and does not end it: no further member follows. */
function isOneString(text: string): boolean {
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    if (!isEscaped(text, at)) return false
  }
  // The quote that ends the string follows.
  return !isEscaped(text, text.length)
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}
