/** The latest run of a chat, for a page that knows its chat but not the run. */
import type { User } from '../consumers/scope.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import type { StreamAccess } from './stream-access.ts'
import type { RunControl } from './stream-services.ts'

/**
 * The run of this user's chat that was started last and is still kept, running or ended. Null if there is none, or
 * the chat belongs to somebody else. Rejects as the store does, and as `ownerOf` throws.
 */
export async function latestRun(
  runs: RunControl,
  access: StreamAccess,
  chat: string,
  user: User | undefined,
): Promise<LatestRun | null> {
  const run = await runs.latest?.(chat, access.ownerOf(user))
  return run ? { id: run.id, status: run.status, startedAt: run.startedAt } : null
}
