/** A model that works elsewhere, as a response in the background does: it is joined again, and cancelled, by its id. */
import { setTimeout as sleep } from 'node:timers/promises'
import { RunMovedError } from '../../src/providers/provider.ts'
import type { RunContext } from '../../src/providers/provider.ts'
import type { Script, Watched } from './providers.ts'
import type { Caller, Upstream } from './upstream.ts'

interface Place {
  readonly job: string
  readonly n: number
}

export interface RemoteAt {
  readonly upstream: Upstream
  readonly caller: Caller
}

export async function* remote(
  { tag, events, paceMs }: Script,
  { signal, runId, resumeFrom, checkpoint }: RunContext,
  watched: Watched,
  { upstream, caller }: RemoteAt,
): AsyncGenerator<object> {
  const place = resumeFrom as Place | undefined
  let job = place?.job
  if (job !== undefined) upstream.known(runId, job, caller)
  // Begun to be ended.
  if (signal.aborted) {
    if (job !== undefined) await upstream.cancel(job, caller)
    return
  }
  const { ended } = watched(runId)
  const keep = (of: string, n: number): void => {
    checkpoint({ job: of, n })
    if (!(signal.reason instanceof RunMovedError)) upstream.known(runId, of, caller)
  }
  try {
    job ??= await upstream.begin()
    keep(job, place?.n ?? 0)
    signal.throwIfAborted()
    for (let n = place?.n ?? 0; n < (events ?? Infinity); n++) {
      keep(job, n + 1)
      yield { of: tag, n }
      await sleep(paceMs, undefined, { signal })
    }
    upstream.done(job)
  } finally {
    // Whoever goes on with the run joins it.
    if (signal.aborted && !(signal.reason instanceof RunMovedError) && job !== undefined)
      await upstream.cancel(job, caller)
    ended()
  }
}
