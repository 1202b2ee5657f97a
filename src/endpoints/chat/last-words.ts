/** The chunks that end an answer which did not end by itself, as a stock client understands them. */
import type { Json } from '../../protocol/json.ts'
import { type RunEnd, readRunEnd } from '../../protocol/run-end.ts'

/** What is said of an end whose reason nobody gave. */
const FAILED = 'The answer failed. Please try again.'

/**
 * The last records of a run, by how it ended. A stopped answer is a short one: the client is `ready`, sends nothing
 * by itself, and keeps what came. A failed one is an error. A `finish` is the last of both: a client that counts
 * chunks asks for more until it has seen one.
 */
export function lastWords({ status, message }: RunEnd): readonly Json[] {
  switch (status) {
    case 'completed':
      return []
    case 'stopped':
      return [
        { type: 'abort', ...(message !== undefined && { reason: message }) },
        { type: 'finish', finishReason: 'interrupted' },
      ]
    case 'failed':
      return [
        { type: 'error', errorText: message ?? FAILED },
        { type: 'finish', finishReason: 'error' },
      ]
  }
}

/**
 * What an answer lacks whose log ends with the chunk `last`: nothing, unless a process that did not know its kind
 * ended it, or somebody closed it.
 */
export function missingWords(last: string | undefined, end: Json | undefined): readonly string[] {
  if (last?.startsWith('{"type":"finish"')) return []
  const { status, ...more } = readRunEnd(end) ?? { status: 'failed' as const }
  const words = status === 'completed' ? [{ type: 'finish' }] : lastWords({ status, ...more })
  return words.map((word) => JSON.stringify(word))
}

/** What a reader is told whose answer went away under it. */
export const GONE = 'The answer is gone.'

/** The last chunks for a reader of an answer that cannot be read on, there or anywhere. */
export function lostWords(why: string): readonly string[] {
  return lastWords({ status: 'failed', message: why }).map((word) => JSON.stringify(word))
}
