/** The end of a run that another process works on, or has worked on, as its stream tells it. */
import type { Json } from '../protocol/json.ts'
import { readRunEnd } from '../protocol/run-end.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { StreamEvent, StreamRecord, StreamStore } from '../streams/store.ts'
import { endFor } from './end-reasons.ts'
import { RunError } from './errors.ts'
import { endOf, readRunRecord } from './run-record.ts'

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
  signal.throwIfAborted()
  const told = Promise.withResolvers<RunEnd | undefined>()
  const abort = (): void => told.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  let stop: (() => void) | undefined
  try {
    const watch = await store.watch(
      run.id,
      (event) => {
        if (event.type === 'gone') told.reject(new RunError('run_gone'))
        else if (event.closed) told.resolve(lastOf(event))
      },
      signal,
    )
    if (watch.outcome === 'missing') throw new RunError('run_gone')
    stop = watch.stop
    if (watch.tail.incarnation !== run.incarnation) throw new RunError('run_gone')
    if (!watch.closed) {
      const end = await told.promise
      if (end) return end
    }
    return await readEnd(store, run, signal)
  } finally {
    stop?.()
    signal.removeEventListener('abort', abort)
    // It may be rejected with nobody waiting: when `watch` itself failed.
    told.promise.catch(() => undefined)
  }
}

async function readEnd(store: StreamStore, run: FollowedRun, signal: AbortSignal): Promise<RunEnd> {
  const info = await store.head(run.id, signal)
  if (info?.tail.incarnation !== run.incarnation) throw new RunError('run_gone')
  const record = readRunRecord(info)
  return (record && endOf(record)) ?? endFor('interrupted')
}

function lastOf(event: Extract<StreamEvent, { type: 'append' }>): RunEnd | undefined {
  const last: StreamRecord | undefined = event.records.at(-1)
  return typeof last === 'string' ? readRunEnd(JSON.parse(last) as Json) : undefined
}
