/** Begins what a run, or a provider, returned. Its types say an async iterable; JavaScript may return anything. */
import { described } from '../../protocol/described.ts'

/** @throws {TypeError} saying what was returned, for what is no async iterable. */
export function iteratorOf<T>(records: AsyncIterable<T>): AsyncIterator<T> {
  const begin = (records as Partial<AsyncIterable<T>> | null | undefined)?.[Symbol.asyncIterator]
  if (typeof begin === 'function') return begin.call(records)
  throw new TypeError(
    `The run returned ${described(records)}, not an async iterable: write async *run(input, context) { … }`,
  )
}
