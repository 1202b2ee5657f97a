/** The one store of a simulated cluster, and the notes of all that it keeps. */
import { chatStreamId } from '../../src/chats/chat-ids.ts'
import type { Json } from '../../src/protocol/json.ts'
import { StoreError } from '../../src/streams/errors.ts'
import type { AcquireResult, ClaimResult, Lease, LeaseRequest } from '../../src/streams/leases.ts'
import type { Place } from '../../src/protocol/offset.ts'
import type {
  TrimResult,
  AppendRequest,
  AppendResult,
  CreateResult,
  Producer,
  StreamConfig,
  StreamStore,
} from '../../src/streams/store.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Fact } from './history.ts'
import { Smuggler } from './smuggler.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface SharedStoreOptions {
  readonly clock: () => number
  readonly time: VirtualTime
  readonly logger: Logger
  readonly note: (fact: Fact) => void
  readonly fenced: () => void
  /** A run's stream was created, with this metadata of the application. */
  readonly runCreated: (run: string, metadata: Json) => void
}

/** How long a stream lives, and when that began anew by the clock that nobody sets. */
interface Life {
  readonly incarnation: string
  readonly ttlMs: number | undefined
  aliveAt: number
}

/** A store may put the end of a life off by so much less than what is asked. */
const LENGTH_KEPT = 0.98

export class SharedStore {
  readonly store: StreamStore
  readonly #options: SharedStoreOptions
  /** Streams of which a page is damaged. */
  readonly damaged = new Set<string>()
  readonly #smuggler = new Smuggler()
  /** The streams that are there, past their time or not. */
  readonly #known = new Map<string, Life>()
  /** Of the stream that an answer is about: another one may be there when it is given. */
  readonly #answeredFor = new WeakMap<AppendResult, string>()

  constructor(options: SharedStoreOptions) {
    this.#options = options
    this.store = memory({ clock: options.clock, logger: options.logger })
  }

  async create(by: string, id: string, config: StreamConfig): Promise<CreateResult> {
    const result = await this.store.create(id, config)
    if (result.outcome !== 'created') return result
    const { incarnation } = result.info
    this.#known.set(id, { incarnation, ttlMs: config.ttlMs, aliveAt: this.#options.time.now })
    const run = (config.metadata as { readonly run?: { readonly metadata?: Json } } | undefined)?.run
    if (run) this.#options.runCreated(id, run.metadata ?? null)
    const { lease } = result
    if (lease) this.#smuggler.leased(id, lease.epoch)
    // A thousand of them say nothing.
    if (id.startsWith('foreign-')) return result
    this.#options.note({
      type: 'kept',
      stream: id,
      incarnation,
      from: 0,
      records: textsOf(config.records),
      closed: config.closed ?? false,
      end: config.end,
      by,
      created: true,
      ...chatOf(config.metadata),
    })
    if (lease)
      this.#options.note({
        type: 'leased',
        stream: id,
        incarnation,
        epoch: lease.epoch,
        holder: lease.holder,
      })
    return result
  }

  /**
   * For planted bugs: as whose write it is noted, `secretly` as nobody's, past the fence of its lease, and with an
   * answer to a double that is wrong.
   */
  async append(
    by: string,
    id: string,
    request: AppendRequest,
    {
      as = request.producer,
      secretly = false,
      smuggled = false,
      misplaced = false,
    }: {
      readonly as?: Producer | undefined
      readonly secretly?: boolean
      readonly smuggled?: boolean
      readonly misplaced?: boolean
    } = {},
  ): Promise<AppendResult> {
    const sent = smuggled ? this.#smuggler.smuggled(id, request) : this.#smuggler.passed(id, request)
    const result = await this.store.append(id, sent)
    if (result.outcome === 'fenced') this.#options.fenced()
    if (result.outcome === 'duplicate' && !id.startsWith('@')) {
      const { offset, closed } = result
      const next = offset.position + (misplaced ? 1 : 0)
      const incarnation = this.#known.get(id)?.incarnation ?? ''
      this.#options.note({ type: 'recognised', stream: id, incarnation, next, closed })
      return { ...result, offset: { ...offset, position: next } }
    }
    if (result.outcome !== 'appended' || secretly) return result
    this.#live(id)
    const { metadata } = request
    const records = textsOf(request.records)
    const incarnation = this.#known.get(id)?.incarnation ?? ''
    this.#answeredFor.set(result, incarnation)
    this.#keepsUpstream(id, incarnation, request.checkpoint)
    this.#options.note({
      type: 'kept',
      stream: id,
      incarnation,
      from: result.offset.position - records.length,
      records,
      closed: request.close ?? false,
      end: request.end,
      by,
      ...(metadata !== undefined && { metadata: true }),
      ...(owesEnd(request.owes) && { owes: true }),
      ...(as && { producer: as }),
    })
    return result
  }

  /** The answer to an append has reached whoever appended. */
  acknowledge(id: string, request: AppendRequest, result: AppendResult): void {
    if (result.outcome !== 'appended' || id.startsWith('@')) return
    this.#options.note({
      type: 'acknowledged',
      stream: id,
      incarnation: this.#answeredFor.get(result) ?? this.#known.get(id)?.incarnation ?? '',
      next: result.offset.position,
      records: textsOf(request.records),
      closed: request.close ?? false,
    })
  }

  /** The planted bug: answers an append that it does not keep. */
  async pretend(id: string, records: readonly StreamRecord[]): Promise<AppendResult> {
    const info = await this.store.head(id)
    if (!info || info.closed) return { outcome: 'missing' }
    const offset = { position: info.tail.position + records.length, stamp: info.incarnation }
    return { outcome: 'appended', offset, closed: false }
  }

  async acquire(stream: string, request: LeaseRequest): Promise<AcquireResult> {
    const result = await this.store.leases.acquire(stream, request)
    if (result.outcome === 'acquired') {
      const { incarnation, epoch, holder } = result.lease
      this.#smuggler.leased(stream, epoch)
      this.#options.note({ type: 'leased', stream, incarnation, epoch, holder })
    }
    return result
  }

  async claim(owed: Pick<Lease, 'stream' | 'incarnation'>, request: LeaseRequest): Promise<ClaimResult> {
    const result = await this.store.leases.claim(owed, request)
    if (result.outcome === 'claimed') {
      const { stream, incarnation, epoch, holder } = result.lease
      this.#options.note({ type: 'leased', stream, incarnation, epoch, holder })
    }
    return result
  }

  async delete(by: string, id: string, incarnation?: string): Promise<boolean> {
    const isDeleted = await this.store.delete(id, undefined, incarnation)
    if (isDeleted || incarnation === undefined) this.#known.delete(id)
    if (isDeleted) this.#options.note({ type: 'removed', stream: id, by, reason: 'deleted' })
    return isDeleted
  }

  /** Loses the last records of a stream. `silently`: the offsets of what is lost are given out again. */
  async loseTail(id: string, count: number, silently: boolean): Promise<void> {
    const page = await this.store.read(id, 'start')
    if (page.outcome !== 'page') return
    if (silently) this.#options.time.drawNext(this.#known.get(id)?.incarnation ?? '')
    await this.delete('the store', id)
    await this.create('the store', id, { records: page.records.slice(0, -count), closed: page.closed })
  }

  async trim(id: string, before: Place): Promise<TrimResult> {
    const result = await this.store.trim(id, before)
    const incarnation = this.#known.get(id)?.incarnation ?? ''
    if (result.outcome === 'trimmed' && result.first.position > 0)
      this.#options.note({ type: 'trimmed', stream: id, incarnation, first: result.first.position })
    return result
  }

  async touch(id: string): Promise<boolean> {
    const isThere = await this.store.touch(id)
    if (isThere) this.#live(id)
    return isThere
  }

  /** Whoever asked at `askedAt` to touch a stream was told that it is touched. */
  acknowledgeTouch(id: string, incarnation: string | undefined, askedAt: number): void {
    const life = this.#known.get(id)
    if (life && life.incarnation === incarnation) life.aliveAt = Math.max(life.aliveAt, askedAt)
  }

  /** The life of a stream that is there. */
  incarnationOf(id: string): string | undefined {
    return this.#known.get(id)?.incarnation
  }

  /** Keeps what is left of what a run owes. */
  async settle(lease: Lease, left: Json | undefined): Promise<boolean> {
    const isHeld = await this.store.leases.settle(lease, left)
    if (isHeld) this.#keepsUpstream(lease.stream, lease.incarnation, left)
    return isHeld
  }

  /** A process sends the close of a stream, which may arrive later. */
  noteClosing(run: string, by: string): void {
    this.#options.note({ type: 'upstream-closing', run, by })
  }

  /** What is kept names what a run has under way upstream. */
  #keepsUpstream(stream: string, incarnation: string, kept: Json | undefined): void {
    const job = /"job":"([^"]+)"/.exec(JSON.stringify(kept ?? null))?.[1]
    if (job !== undefined) this.#options.note({ type: 'upstream-kept', stream, incarnation, job })
  }

  async sweep(by: string): Promise<number> {
    const swept = await this.store.sweep()
    if (swept > 0) await this.noteExpired(by)
    return swept
  }

  /** Notes which streams are hidden, as their time is over. */
  async noteExpired(by: string): Promise<void> {
    for (const [id, { ttlMs, aliveAt }] of this.#known) {
      if (ttlMs === undefined || (await this.store.head(id)) || !this.#known.delete(id)) continue
      const due = this.#options.time.now - aliveAt >= LENGTH_KEPT * ttlMs
      this.#options.note({ type: 'removed', stream: id, by, reason: 'expired', due })
    }
  }

  #live(id: string): void {
    const life = this.#known.get(id)
    if (life) life.aliveAt = this.#options.time.now
  }

  /** @throws {StoreError} `corrupt` for a stream of which a page is damaged. */
  damage(id: string): void {
    if (this.damaged.has(id)) throw new StoreError('corrupt', `A page of ${id} is damaged`)
  }
}

/** The stream of the chat that a run answers in. */
function chatOf(metadata: Json | undefined): { readonly chat?: string } {
  const { run } = (metadata ?? {}) as { readonly run?: { readonly chat?: string; readonly kind?: string } }
  return run?.chat !== undefined && run.kind === 'chat' ? { chat: chatStreamId({ chat: run.chat }) } : {}
}

function textsOf(records: readonly StreamRecord[] = []): string[] {
  return records.map(String)
}

/** Whether what a close leaves owed is to tell a kind. */
function owesEnd(owes: Json | undefined): boolean {
  return (owes as { readonly ended?: boolean } | undefined)?.ended === true
}
