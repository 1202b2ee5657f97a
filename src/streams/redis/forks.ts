/**
 * Forks in Redis. A fork is a copy of the inherited records, because its source may be on another server of a
 * Cluster. The copy is made in slices under a key of its own, and becomes the stream's log in the step that creates
 * the stream. The source is marked before, which keeps its id. A process that dies in between leaves a copy that
 * Redis expires, and a mark in the source that the next process removes.
 */
import type { Reply } from '../../redis/open-client.ts'
import { tailOf } from '../bookkeeping/stream-state.ts'
import type { StreamState } from '../bookkeeping/stream-state.ts'
import type { CheckedConfig, CheckedFork } from '../bookkeeping/configurations.ts'
import { StoreError } from '../errors.ts'
import { decideFork } from '../bookkeeping/fork-bookkeeping.ts'
import type { Fork } from '../bookkeeping/fork-bookkeeping.ts'
import type { ForkPoint, ForkRefusal } from '../forks.ts'
import { newIncarnation } from '../incarnation.ts'
import { recordKindOf } from '../bookkeeping/requests.ts'
import { COPY_DROP, COPY_IN, COPY_OUT, HOLD, RELEASE, RETIRED, TOKEN } from './scripts/fork-scripts.ts'
import type { Keys } from './keys.ts'
import type { Scripts } from './scripts/scripts.ts'
import { parseState } from './state.ts'
import type { GoneFork } from './state.ts'
import type { CopiedFork, CreateAnswer, RedisStreamTable } from './stream-table.ts'

/** Approximate bytes of a slice of a copy: Redis does nothing else meanwhile. */
const SLICE_BYTES = 256 * 1024
/** Milliseconds without progress after which a copy counts as abandoned. */
const COPY_MS = 600_000

export interface RedisForksOptions {
  readonly scripts: Scripts
  readonly keys: Keys
  readonly table: RedisStreamTable
  /** Creates and lists a stream with this configuration. */
  readonly create: (id: string, config: CheckedConfig, copied?: CopiedFork) => Promise<CreateAnswer>
}

export class RedisForks {
  readonly #options: RedisForksOptions

  constructor(options: RedisForksOptions) {
    this.#options = options
  }

  /**
   * Creates a stream, a fork or not, or returns why it cannot. If only abandoned marks keep its id, the second
   * attempt succeeds.
   */
  async create(id: string, config: CheckedConfig | CheckedFork): Promise<CreateAnswer | ForkRefusal> {
    for (;;) {
      const answer = await (config.from ? this.#fork(id, config) : this.#options.create(id, config))
      if (typeof answer === 'string' || !('retired' in answer) || (await this.isRetired(id))) return answer
    }
  }

  async #fork(id: string, config: CheckedFork): Promise<CreateAnswer | ForkRefusal> {
    const { table } = this.#options
    const there = await table.look(id)
    if (there) return { created: false, state: there }
    if (await this.isRetired(id)) return { created: false, retired: true }
    const token = newIncarnation()
    const source = await this.#hold(config, `${token} ${id}`)
    if (typeof source === 'string') return source
    const copy = this.#options.keys.copyOf(id, token)
    let answer: CreateAnswer | ForkRefusal | undefined
    try {
      const fork = await this.#decide(source, config)
      answer = typeof fork === 'string' ? fork : await this.#copy(id, token, fork)
      return answer
    } finally {
      if (!isCreated(answer)) {
        await Promise.allSettled([
          this.release({ id, token, point: { ...config.from, offset: tailOf(source), sub: 0, depth: 0 } }),
          this.#options.scripts.run(COPY_DROP, [copy]),
        ])
      }
    }
  }

  /** See `StreamStore`. Marks of forks that are gone are removed. */
  async isRetired(id: string, owner?: string | null): Promise<boolean> {
    const { scripts, keys } = this.#options
    for (;;) {
      const [whose, now, ...forks] = (await scripts.onStream(RETIRED, keys.of(id))) as Reply[]
      if (whose === undefined) return false
      if (owner !== undefined && String(whose) !== (owner ?? '')) return false
      for (let n = 0; n < forks.length; n += 2) {
        const member = String(forks[n]).slice('v:'.length)
        const [token = '', fork = ''] = member.split(' ')
        if (Number(String(now)) - Number(String(forks[n + 1])) < COPY_MS) return true
        if (String(await scripts.onStream(TOKEN, keys.of(fork))) === token) return true
        await this.#release(id, member)
      }
    }
  }

  /** Removes the mark of a fork that is gone, or was not created, and of sources that are gone with it. */
  async release(gone: GoneFork): Promise<void> {
    for (let next: GoneFork | undefined = gone; next;)
      next = await this.#release(next.point.id, `${next.token} ${next.id}`)
  }

  async #release(source: string, member: string): Promise<GoneFork | undefined> {
    const { scripts, keys } = this.#options
    const [token, point] = (await scripts.onStream(RELEASE, keys.of(source), [member])) as Reply[]
    if (token === undefined || point === undefined) return undefined
    return { id: source, token: String(token), point: JSON.parse(String(point)) as ForkPoint }
  }

  async #hold({ from }: CheckedFork, member: string): Promise<StreamState | ForkRefusal> {
    const { scripts, keys } = this.#options
    const values = [member, from.incarnation ?? '']
    const [word, fields, stamp] = (await scripts.onStream(HOLD, keys.of(from.id), values)) as Reply[]
    if (fields !== undefined && stamp !== undefined) return parseState(fields, stamp)
    return String(word) === 'retired' && (await this.isRetired(from.id)) ? 'retired' : 'missing'
  }

  /** Reads what the decision needs of the source's log. */
  async #decide(source: StreamState, config: CheckedFork): Promise<Fork | ForkRefusal> {
    const { table } = this.#options
    const { id, offset = tailOf(source), sub = 0 } = config.from
    const read = async (place: { readonly position: number }): ReturnType<RedisStreamTable['read']> =>
      table.read(id, place, 1, 1, source.incarnation)
    const { result } = await read(offset)
    if (result.outcome !== 'page') {
      const refusal = decideFork(source, config, { stampAt: () => '', recordAt: () => new Uint8Array() })
      return typeof refusal === 'string' ? refusal : result.outcome
    }
    const stamps = new Map([[result.from.position, result.from.stamp]])
    if (result.records.length > 0) stamps.set(result.next.position, result.next.stamp)
    const beyond = result.from.position + sub
    if (recordKindOf(source.contentType) === 'json' && beyond < source.tail && !stamps.has(beyond)) {
      const there = await read({ position: beyond })
      if (there.result.outcome !== 'page') return there.result.outcome
      stamps.set(beyond, there.result.from.stamp)
    }
    const proven = { ...config, from: { ...config.from, offset: result.from } }
    const [record] = result.records
    return decideFork(source, proven, {
      stampAt: (position) => stamps.get(position) ?? '',
      recordAt: () => (typeof record === 'object' ? record : new Uint8Array()),
    })
  }

  async #copy(id: string, token: string, fork: Fork): Promise<CreateAnswer | ForkRefusal> {
    const { scripts, keys, create } = this.#options
    const { source, point, inherited, config } = fork
    const copy = keys.copyOf(id, token)
    let bytes = 0
    for (let position = source.first; position < inherited;) {
      const values = [source.incarnation, position, inherited, SLICE_BYTES, `${token} ${id}`].map(String)
      const [word, ...records] = (await scripts.onStream(COPY_OUT, keys.of(point.id), values)) as Reply[]
      const outcome = String(word)
      if (outcome === 'missing' || outcome === 'trimmed') return outcome
      if (outcome !== 'records')
        throw new StoreError('corrupt', `Redis no longer has all records of the stream ${point.id}`)
      await scripts.run(COPY_IN, [copy], [String(COPY_MS), ...(records as Buffer[])])
      position += records.length / 2
      for (let n = 1; n < records.length; n += 2) bytes += (records[n] as Buffer).length
    }
    return create(id, { ...config, from: undefined }, { fork, token, copy, bytes })
  }
}

function isCreated(answer: CreateAnswer | ForkRefusal | undefined): boolean {
  return typeof answer === 'object' && 'created' in answer && answer.created
}
