/** The chunks that end an answer that did not end by itself, as a stock client understands them. */
import type { Json } from '../protocol/json.ts'
import { type RunEnd, readRunEnd } from '../protocol/run-end.ts'

/** The message for an end without one. */
const FAILED = 'The answer failed. Please try again.'

/**
 * Returns the last records of a run, by how it ended. A stopped answer looks like a short one: the client is `ready`,
 * sends nothing by itself, and keeps what came. A failed one is an error. Both end with a `finish`, because a client that
 * counts chunks asks for more until it has seen one.
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
 * Returns the chunks that an answer lacks if its log ends without a `finish`: a process that did not know its kind ended
 * it, or somebody closed it. `end` is what the log is closed with.
 */
export function wordsFor(end: Json | undefined): readonly Json[] {
  const ended = readRunEnd(end) ?? { status: 'failed' }
  return ended.status === 'completed' ? [{ type: 'finish' }] : lastWords(ended)
}

/** Returns the chunks, as texts, that an answer lacks if the last chunk of its log is `last`. */
export function missingWords(last: string | undefined, end: Json | undefined): readonly string[] {
  if (last?.startsWith('{"type":"finish"')) return []
  return wordsFor(end).map((word) => JSON.stringify(word))
}

/** The message for a reader whose answer was removed. */
export const GONE = 'The answer is gone.'

/** The last chunks for a reader of an answer that cannot be read on, there or anywhere. */
export function lostWords(why: string): readonly string[] {
  return lastWords({ status: 'failed', message: why }).map((word) => JSON.stringify(word))
}
