/**
 * Which runs a chat has had: one small stream per owner and chat that lists their ids, so that the
 * latest run of a chat is found without looking at every stream.
 *
 * An entry is written beside the run and not in one step with it, so an entry proves nothing: whoever
 * reads one looks at the run that it names.
 */
import type { Json } from '../protocol/json.ts'
import type { RunInfo } from './run.ts'
import type { RunSettings } from './options.ts'
import { chatIndexId } from './run-ids.ts'
import { readRunRecord, runInfo } from './run-record.ts'

/** Entries looked at, from the latest back: those of runs that were deleted since are passed over. */
const MAX_ENTRIES = 100
/** For runs whose life is not limited. */
const LONGEST_LIFE_MS = 30 * 24 * 3600 * 1000

export class ChatIndex {
  readonly #settings: RunSettings

  constructor(settings: RunSettings) {
    this.#settings = settings
  }

  async add(chat: string, owner: string | undefined, run: string, signal: AbortSignal): Promise<void> {
    const { store, retentionMs, lifeMs } = this.#settings
    const id = chatIndexId(chat, owner)
    const records = [JSON.stringify(run)]
    // Another process may create it, or a sweep remove it, between the two calls.
    for (;;) {
      const { outcome } = await store.append(id, { records }, signal)
      if (outcome !== 'missing') return
      // An entry outlives its run, which is kept for that long after an end that comes that late.
      const ttlMs = retentionMs === undefined ? undefined : retentionMs + Math.min(lifeMs, LONGEST_LIFE_MS)
      const config = {
        records,
        retention: {},
        ...(owner !== undefined && { owner }),
        ...(ttlMs !== undefined && { ttlMs }),
      }
      const created = await store.create(id, config, signal)
      if (created.outcome === 'created') return
      if (created.outcome === 'retired') throw new Error('Its index was deleted, and forks of it are there')
    }
  }

  async latest(chat: string, owner: string | undefined, signal: AbortSignal): Promise<RunInfo | undefined> {
    const { store } = this.#settings
    const id = chatIndexId(chat, owner)
    const page = await store.read(id, { last: MAX_ENTRIES }, { signal })
    if (page.outcome !== 'page') return undefined
    await store.touch(id, signal)
    for (const entry of page.records.toReversed()) {
      const run = JSON.parse(entry as string) as Json
      const info = typeof run === 'string' ? await store.head(run, signal) : undefined
      const record = info && readRunRecord(info)
      if (info && record && info.owner === owner && record.chat === chat) return runInfo(info, record)
    }
    return undefined
  }
}
