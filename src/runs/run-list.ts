/** Lists runs out of the streams of a store. */
import type { RunStatus } from '../protocol/run-end.ts'
import type { StreamStore } from '../streams/store.ts'
import { readRunRecord, runInfo } from './run-record.ts'
import type { RunInfo } from './run.ts'

export interface RunListOptions {
  readonly owner?: string
  readonly chat?: string
  readonly status?: RunStatus
  /** Runs whose ids lie behind this one: `next` of the page before. */
  readonly after?: string
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
}

export interface RunList {
  /** In the order of their ids. */
  readonly runs: readonly RunInfo[]
  /** Where the next page begins, when there may be one. */
  readonly next?: string
}

/** Streams read at a time. */
const PAGE = 1000

export async function listRuns(
  store: StreamStore,
  { owner, chat, status, after, limit = 100 }: RunListOptions,
  signal: AbortSignal,
): Promise<RunList> {
  signal.throwIfAborted()
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new RangeError(`limit is ${limit}; it takes a whole number from 1 to 1000`)
  }
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
      if (!record || (chat !== undefined && record.chat !== chat)) continue
      if (status !== undefined && (record.end?.status ?? 'running') !== status) continue
      runs.push(runInfo(info, record))
      if (runs.length === limit) return { runs, next: info.id }
    }
    if (next === undefined) return { runs }
    place = next
  }
}
