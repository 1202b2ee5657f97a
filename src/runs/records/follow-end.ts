/** The end of a run that another process works on, or has worked on, as its stream tells it. */
import type { RunEnd } from '../../protocol/run-end.ts'
import type { StreamStore } from '../../streams/store.ts'
import { RunError } from '../errors.ts'
import { endOfClosed } from './run-record.ts'

/** Which run: one of the same id whose stream was created anew is another. */
export interface FollowedRun {
  readonly id: string
  readonly incarnation: string
}

/**
 * Waits for the end of a run. Rejects with `run_gone` when there is no such stream any more, with the
 * signal's reason when it aborts, and with what the store throws.
 */
export async function followEnd(store: StreamStore, run: FollowedRun, signal: AbortSignal): Promise<RunEnd> {
  for (;;) {
    const end = await watchedEnd(store, run, signal)
    if (end !== 'trimmed') return end
  }
}

/** `trimmed`: it fell so far behind that there is something it was not told. */
async function watchedEnd(
  store: StreamStore,
  run: FollowedRun,
  signal: AbortSignal,
): Promise<RunEnd | 'trimmed'> {
  signal.throwIfAborted()
  const told = Promise.withResolvers<RunEnd | 'trimmed'>()
  const abort = (): void => told.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  let stop: (() => void) | undefined
  try {
    const watch = await store.watch(
      run.id,
      (event) => {
        if (event.type === 'gone') {
          if (event.reason === 'trimmed') told.resolve('trimmed')
          else told.reject(new RunError('run_gone'))
        } else if (event.closed) told.resolve(endOfClosed(event.end))
      },
      signal,
    )
    if (watch.outcome === 'missing') throw new RunError('run_gone')
    stop = watch.stop
    if (watch.incarnation !== run.incarnation) throw new RunError('run_gone')
    return watch.closed ? endOfClosed(watch.end) : await told.promise
  } finally {
    stop?.()
    signal.removeEventListener('abort', abort)
    // It may be rejected with nobody waiting: when `watch` itself failed.
    told.promise.catch(() => undefined)
  }
}
