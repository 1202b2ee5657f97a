/**
 * The cases of the stream store's suite, and what they run with.
 *
 * Cases know the `StreamStore` interface, the `StreamInbox` it takes, `node:assert` and nothing else, so
 * that they run under any test runner.
 */
import assert from 'node:assert/strict'
import type { Offset, Place } from '../../protocol/offset.ts'
import type { StreamStoreOptions } from '../../streams/options.ts'
import type { AppendRequest, StreamConfig, StreamPage, StreamStore } from '../../streams/store.ts'
import type { StreamInfo, StreamRecord } from '../../streams/stream.ts'
import { TimedTrial } from '../timed-trial.ts'
import { expectSameJson, InboxWatch, Watch } from './watch.ts'

/**
 * What some stores cannot do:
 *
 * - `peers`: two stores, as two processes have them, or one process after the other, share streams.
 * - `clock-goes-back`: the harness moves the store's clock back.
 * - `clock-jumps`: the harness moves the store's clock without its monotonic time, and both together.
 */
export type StreamStoreAbility = 'peers' | 'clock-goes-back' | 'clock-jumps'

/** Makes the stores to be tested. */
export interface StreamStoreHarness {
  /** An open store that shares nothing with the ones made before. The case closes it. */
  make(options?: StreamStoreOptions): StreamStore | Promise<StreamStore>
  /** Another open store with the streams and the limits of the first, which may be closed by now. */
  peer?(of: StreamStore): StreamStore | Promise<StreamStore>
  /**
   * Moves the clock of every store of this harness by this many milliseconds, back if negative, and its monotonic
   * time as well, if positive. Without it, cases that need time use times of about a second, and wait.
   */
  advance?(milliseconds: number): void | Promise<void>
  /** Moves only the clock, as setting it does; monotonic time stays. */
  jump?(milliseconds: number): void | Promise<void>
  /** Seconds after which a missing event fails a case. Default: 4. */
  readonly patience?: number
  /** What the store cannot do, each with the reason; see `reasonToSkipStoreCase`. */
  readonly cannot?: Readonly<Partial<Record<StreamStoreAbility, string>>>
}

export interface StreamStoreCase {
  /** What is true of a store that passes. Unique. */
  readonly name: string
  /** The rules of docs/streams.md that the case holds: `ST-1`, … */
  readonly rules: readonly string[]
  readonly needs: readonly StreamStoreAbility[]
  /** Rejects with an `AssertionError` when the store breaks a rule. Cases may run concurrently. */
  run(harness: StreamStoreHarness): Promise<void>
}

/** Why a store need not pass a case, or undefined when it must. */
export function reasonToSkipStoreCase(
  storeCase: StreamStoreCase,
  harness: StreamStoreHarness,
): string | undefined {
  return storeCase.needs.map((ability) => harness.cannot?.[ability]).find((reason) => reason !== undefined)
}

/** Makes a case; the stores it used are closed when it ends. */
export function storeCase(
  rules: readonly string[],
  name: string,
  body: (trial: StoreTrial) => Promise<void>,
  needs: readonly StreamStoreAbility[] = [],
): StreamStoreCase {
  const run = async (harness: StreamStoreHarness): Promise<void> => {
    const trial = new StoreTrial(harness)
    try {
      await body(trial)
      trial.check()
    } finally {
      await trial.end()
    }
  }
  return { name, rules, needs, run }
}

/** JSON texts of the numbers from `first`: records that show their position. */
export function numbers(count: number, first = 1): string[] {
  return Array.from({ length: count }, (_, n) => String(first + n))
}

/** One run of one case. */
export class StoreTrial extends TimedTrial {
  readonly #harness: StreamStoreHarness
  readonly #stores: StreamStore[] = []
  readonly #watches: Watch[] = []

  constructor(harness: StreamStoreHarness) {
    super(harness, 1)
    this.#harness = harness
  }

  async store(options: StreamStoreOptions = {}): Promise<StreamStore> {
    return this.#keep(await this.#harness.make(options))
  }

  async peer(of: StreamStore): Promise<StreamStore> {
    const peer = await this.#harness.peer?.(of)
    return this.#keep(peer ?? assert.fail('the harness has neither `peer` nor a reason in `cannot.peers`'))
  }

  /** Sets the clock this many milliseconds ahead, or back. */
  async jump(milliseconds: number): Promise<void> {
    if (!('jump' in this.#harness))
      assert.fail("the harness has neither `jump` nor a reason in `cannot['clock-jumps']`")
    await this.#harness.jump?.(milliseconds)
  }

  #keep(store: StreamStore): StreamStore {
    this.#stores.push(store)
    return store
  }

  /** Checks that no watch got an unexpected event. */
  check(): void {
    for (const watch of this.#watches) watch.check()
  }

  async end(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()))
  }

  /** Creates a stream that must not exist. */
  async create(store: StreamStore, id: string, config?: StreamConfig): Promise<StreamInfo> {
    const result = await store.create(id, config)
    assert.equal(result.outcome, 'created')
    return result.outcome === 'created' ? result.info : assert.fail()
  }

  /** Appends records, which must be accepted; returns the place after them. */
  async append(
    store: StreamStore,
    id: string,
    request: AppendRequest | readonly StreamRecord[],
  ): Promise<Offset> {
    const result = await store.append(id, 'length' in request ? { records: request } : request)
    assert.equal(result.outcome, 'appended')
    return result.outcome === 'appended' ? result.offset : assert.fail()
  }

  /** Reads a page, which must exist. */
  async page(store: StreamStore, id: string, after: Place = 'start', options = {}): Promise<StreamPage> {
    const result = await store.read(id, after, options)
    assert.equal(result.outcome, 'page')
    if (result.outcome !== 'page') assert.fail()
    expectSameJson(result)
    return result
  }

  /** Every record of a stream, page by page. */
  async records(store: StreamStore, id: string): Promise<StreamRecord[]> {
    const records: StreamRecord[] = []
    for (let after: Place = 'start'; ;) {
      const page = await this.page(store, id, after)
      records.push(...page.records)
      if (page.upToDate) return records
      assert.ok(page.records.length > 0, 'a page that is not up to date has records')
      after = page.next
    }
  }

  /** Watches a stream, which must exist. */
  async watch(store: StreamStore, id: string, signal?: AbortSignal): Promise<Watch> {
    return this.#begin(new Watch(this), store, id, signal)
  }

  /** The same with an inbox. `onNews` is called when it is. */
  async inbox(
    store: StreamStore,
    id: string,
    signal?: AbortSignal,
    onNews?: () => void,
  ): Promise<InboxWatch> {
    return this.#begin(new InboxWatch(this, onNews), store, id, signal)
  }

  async #begin<T extends Watch>(watch: T, store: StreamStore, id: string, signal?: AbortSignal): Promise<T> {
    this.#watches.push(watch)
    const result = await store.watch(id, watch.listener, signal)
    assert.equal(result.outcome, 'watching')
    if (result.outcome === 'watching') watch.begin(result.tail, result.stop)
    return watch
  }
}
