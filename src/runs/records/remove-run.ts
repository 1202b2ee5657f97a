/** Removes a run and what is kept of it beside its own stream. */
import type { StreamStore } from '../../streams/store.ts'
import { RunError } from '../errors.ts'
import type { RunRecord } from './run-record.ts'

/** @throws {RunError} `run_not_ended`: its upstream request would go on unread. */
export async function removeRun(
  store: Pick<StreamStore, 'delete'>,
  id: string,
  incarnation: string,
  { end, inputIn }: RunRecord,
  signal: AbortSignal,
): Promise<void> {
  if (!end) throw new RunError('run_not_ended', 'The run has not ended yet. Stop it first.')
  // Before the stream, which alone tells where it is: a removal that is cut short can be asked for again.
  if (inputIn !== undefined) await store.delete(inputIn, signal)
  // Another run may have this id by now.
  await store.delete(id, signal, incarnation)
}
