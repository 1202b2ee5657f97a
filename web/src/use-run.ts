import { useSyncExternalStore } from 'react'
import type { RunClient, RunSnapshot } from './run-client.ts'

/** What the client knows, kept up to date. */
export function useRun(client: RunClient): RunSnapshot {
  return useSyncExternalStore(
    (listener) => client.subscribe(listener),
    () => client.getSnapshot(),
  )
}
