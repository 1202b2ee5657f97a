/** Lists the runs in the streams of a store. */
import type { RunStatus } from '../../protocol/run-end.ts'
import type { StreamStore } from '../../streams/store.ts'
import { readRunRecord, runInfo } from './run-record.ts'
import type { RunInfo } from '../run.ts'

export interface RunListOptions {
  readonly owner?: string
  /**
   * Runs of this chat, latest start first, found by its index. The chat belongs to `owner`, or to nobody without one.
   */
  readonly chat?: string
  readonly status?: RunStatus
  /** `next` of the previous page. Without `chat` also any id: runs with ids after it. */
  readonly after?: string
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
}

export interface RunList {
  /** In the order of their ids; of a chat, latest first. A page may hold fewer than `limit` before the last one. */
  readonly runs: readonly RunInfo[]
  /** Where the next page begins, if there may be one. */
  readonly next?: string
}

/** @throws {RangeError} for a limit that is not a whole number from 1 to 1,000. */
export function checkRunLimit({ limit = 100 }: RunListOptions): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return
  throw new RangeError(`limit is ${limit}; it takes a whole number from 1 to 1000`)
}

/** Streams per page of the store. */
const PAGE = 1000

export async function listRuns(
  store: StreamStore,
  { owner, status, after, limit = 100 }: Omit<RunListOptions, 'chat'>,
  signal: AbortSignal,
): Promise<RunList> {
  const which = {
    limit: PAGE,
    signal,
    ...(owner !== undefined && { owner }),
    ...(status === 'running' ? { leased: true as const } : status !== undefined && { closed: true }),
  }
  const runs: RunInfo[] = []
  for (let place = after; ;) {
    const { streams, next } = await store.list({ ...which, ...(place !== undefined && { after: place }) })
    for (const info of streams) {
      const record = readRunRecord(info)
      if (!record) continue
      if (status !== undefined && (record.end?.status ?? 'running') !== status) continue
      runs.push(runInfo(info, record))
      if (runs.length === limit) return { runs, next: info.id }
    }
    if (next === undefined) return { runs }
    place = next
  }
}
