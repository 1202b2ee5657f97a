/**
 * Runs a generator under a signal that aborts with an outer one and with the iterator's `return()`.
 *
 * A plain async generator queues `return()` behind a pending `next()`: a reader that leaves while the
 * upstream is silent would wait for its next byte. Here leaving aborts first.
 */

type Generate<Event> = (signal: AbortSignal) => AsyncGenerator<Event, void, undefined>

/** The reason of the inner signal when the reader leaves. Not visible outside. */
const left: unique symbol = Symbol('the reader left')

/**
 * @param generate is called at the first `next()`, unless the outer signal has aborted by then. It must end,
 * in any way, soon after its signal aborts.
 * @param evenAborted calls it under an aborted signal, too, so that it can end the work that it continues.
 * @returns an iterator that rejects with the outer signal's reason once that has aborted, and ends
 * normally for a reader that left.
 */
export function stoppable<Event>(
  outer: AbortSignal,
  generate: Generate<Event>,
  evenAborted: boolean = false,
): AsyncIterableIterator<Event, void, undefined> {
  const inner = new AbortController()
  const events = generateUnder(outer, inner, generate, evenAborted)
  return {
    next: () => events.next(),
    return: () => {
      inner.abort(left)
      return events.return()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* generateUnder<Event>(
  outer: AbortSignal,
  inner: AbortController,
  generate: Generate<Event>,
  evenAborted: boolean,
): AsyncGenerator<Event, void, undefined> {
  if (!evenAborted) outer.throwIfAborted()
  const stop = (): void => inner.abort(outer.reason)
  if (outer.aborted) stop()
  outer.addEventListener('abort', stop, { once: true })
  try {
    yield* generate(inner.signal)
    inner.signal.throwIfAborted()
  } catch (error) {
    if (inner.signal.reason === left) return
    inner.signal.throwIfAborted()
    throw error
  } finally {
    outer.removeEventListener('abort', stop)
  }
}
