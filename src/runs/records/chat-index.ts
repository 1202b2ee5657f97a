/**
 * The runs of a chat: one small stream per owner and chat lists their ids, so that they are found, latest first,
 * without looking at every stream.
 *
 * An entry is not written in one step with its run, so it proves nothing: a reader looks at the run that it names.
 */
import type { Json } from '../../protocol/json.ts'
import type { RunInfo } from '../run.ts'
import type { RunList, RunListOptions } from './run-list.ts'
import type { RunSettings } from '../options.ts'
import { chatIndexId } from './run-ids.ts'
import { readRunRecord, runInfo } from './run-record.ts'

/** Entries per read, from the latest back. Entries of deleted runs are skipped. */
const MAX_ENTRIES = 100
/** Most entries looked at for a page. A page that is not full by then ends early. */
const MAX_LOOKED_AT = 1000
/** Fewest entries looked at together, for a short page. */
const FEW = 10
/** Assumed for runs without a limit of life. */
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
      // An entry outlives its run, which ends after at most `lifeMs` and is kept for the retention.
      const ttlMs = retentionMs === undefined ? undefined : retentionMs + Math.min(lifeMs, LONGEST_LIFE_MS)
      const config = {
        records,
        retention: {},
        ...(owner !== undefined && { owner }),
        ...(ttlMs !== undefined && { ttlMs }),
      }
      const created = await store.create(id, config, signal)
      if (created.outcome === 'created') return
      if (created.outcome === 'retired')
        throw new Error('The index of the chat was deleted, and forks of it exist')
    }
  }

  /** A page of the runs of a chat, the latest start first. */
  async list(
    chat: string,
    owner: string | undefined,
    { status, after, limit = 100 }: Omit<RunListOptions, 'owner' | 'chat'>,
    signal: AbortSignal,
  ): Promise<RunList> {
    const id = chatIndexId(chat, owner)
    await this.#settings.store.touch(id, signal)
    const runs = new Map<string, RunInfo>()
    let looked = 0
    for (let before = placeOf(after); ;) {
      const size = Math.min(MAX_ENTRIES, Math.max(limit - runs.size, FEW))
      const { entries, from } = await this.#entries(id, before, size, signal)
      const found = await Promise.all(entries.map((run) => this.#runOf(run, chat, owner, signal)))
      for (let n = found.length - 1; n >= 0; n--) {
        const run = found[n]
        // Two starts with one id may each have added an entry.
        if (!run || runs.has(run.id) || (status !== undefined && run.status !== status)) continue
        runs.set(run.id, run)
        if (runs.size === limit) return pageOf(runs, from + n)
      }
      looked += size
      if (from === 0 || entries.length === 0 || looked >= MAX_LOOKED_AT) return pageOf(runs, from)
      before = from
    }
  }

  async latest(chat: string, owner: string | undefined, signal: AbortSignal): Promise<RunInfo | undefined> {
    const { store } = this.#settings
    const id = chatIndexId(chat, owner)
    const page = await store.read(id, { last: MAX_ENTRIES }, { signal })
    if (page.outcome !== 'page') return undefined
    await store.touch(id, signal)
    for (const entry of page.records.toReversed()) {
      const run = await this.#runOf(JSON.parse(entry as string) as Json, chat, owner, signal)
      if (run) return run
    }
    return undefined
  }

  /** Entries before a place, or the last ones, in order, and the position before them. */
  async #entries(
    id: string,
    before: number | undefined,
    size: number,
    signal: AbortSignal,
  ): Promise<{ readonly entries: readonly Json[]; readonly from: number }> {
    const { store } = this.#settings
    const from = Math.max(0, (before ?? size) - size)
    const place = before === undefined ? { last: size } : { position: from }
    const page = await store.read(id, place, {
      maxRecords: before === undefined ? size : before - from,
      signal,
    })
    if (page.outcome !== 'page') return { entries: [], from: 0 }
    return {
      entries: page.records.map((entry) => JSON.parse(entry as string) as Json),
      from: page.from.position,
    }
  }

  /** The run that an entry names, if it exists and belongs to this chat. */
  async #runOf(
    entry: Json,
    chat: string,
    owner: string | undefined,
    signal: AbortSignal,
  ): Promise<RunInfo | undefined> {
    const info = typeof entry === 'string' ? await this.#settings.store.head(entry, signal) : undefined
    const record = info && readRunRecord(info)
    return info && record && info.owner === owner && record.chat === chat ? runInfo(info, record) : undefined
  }
}

function pageOf(runs: ReadonlyMap<string, RunInfo>, before: number): RunList {
  const page = { runs: Array.from(runs.values()) }
  return before === 0 ? page : { ...page, next: String(before) }
}

/** @throws {RangeError} for a text that is not the position of an entry. */
function placeOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined
  if (/^[1-9]\d{0,9}$/.test(after)) return Number(after)
  throw new RangeError('`after` is not the `next` of a page of this chat')
}
