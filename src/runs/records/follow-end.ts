/** Waits for the end of a run of another process, as told by its stream. */
import type { RunEnd } from '../../protocol/run-end.ts'
import type { StreamStore } from '../../streams/store.ts'
import { RunError } from '../errors.ts'
import { endOfClosed } from './run-record.ts'

/** Identifies a run. A stream created anew under the same id belongs to another run. */
export interface FollowedRun {
  readonly id: string
  readonly incarnation: string
}

/**
 * Waits for the end of a run. Rejects with `run_gone` when its stream is gone, with the signal's reason when it
 * aborts, and with the error of the store.
 */
export async function followEnd(store: StreamStore, run: FollowedRun, signal: AbortSignal): Promise<RunEnd> {
  for (;;) {
    const end = await watchedEnd(store, run, signal)
    if (end !== 'trimmed') return end
  }
}

/** `trimmed`: records were trimmed before this watcher was told of them. */
async function watchedEnd(
  store: StreamStore,
  run: FollowedRun,
  signal: AbortSignal,
): Promise<RunEnd | 'trimmed'> {
  signal.throwIfAborted()
  const told = Promise.withResolvers<RunEnd | 'trimmed'>()
  // It may be rejected before anything awaits it: while `watch` is under way, or where that fails.
  told.promise.catch(() => undefined)
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
  }
}
