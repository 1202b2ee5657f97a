/** Removes a run, with the streams kept beside its own. */
import type { StreamStore } from '../../streams/store.ts'
import { RunError } from '../errors.ts'
import type { RunRecord } from './run-record.ts'

/** @throws {RunError} `run_not_ended`: its upstream request would continue without readers. */
export async function removeRun(
  store: Pick<StreamStore, 'delete'>,
  id: string,
  incarnation: string,
  { end, inputIn }: RunRecord,
  signal: AbortSignal,
): Promise<void> {
  if (!end) throw new RunError('run_not_ended', 'The run has not ended yet. Stop it first.')
  // Deleted before the run's stream, which names it, so that an interrupted removal can be repeated.
  if (inputIn !== undefined) await store.delete(inputIn, signal)
  // Another run may have the id by now.
  await store.delete(id, signal, incarnation)
}
