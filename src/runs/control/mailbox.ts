/**
 * How processes tell each other about runs: each has a stream of its own, its mailbox, that it
 * watches and others append to. A word that is lost harms nothing: whoever waits for its effect says
 * it again, and takeovers are looked for anyway.
 */
import type { Json } from '../../protocol/json.ts'
import type { Lease } from '../../streams/leases.ts'
import type { StreamEvent } from '../../streams/watching.ts'
import type { RunSettings } from '../options.ts'
import { MAILBOXES, mailboxId } from '../records/run-ids.ts'

export interface MailboxListener {
  /** Somebody wants a run of this process stopped; with an incarnation that one alone. */
  onStop(run: string, incarnation: string | undefined): void
  /** Somebody left runs for others to take over. */
  onLook(): void
  /** The process that works on a run asks whether it has readers here. */
  onReadersAsked(run: string, holder: string): void
  /** A run of this process has readers elsewhere. */
  onReaders(run: string): void
}

type Word = { readonly [name in 'stop' | 'incarnation' | 'look' | 'readersOf' | 'to' | 'read']?: unknown }

/** Longer than any lease is silent, so that a mailbox outlives each of its process's leases. */
const LIFE_IN_LEASES = 20
const SHORTEST_LIFE_MS = 60_000
/** Then the mailbox is made anew, so that it does not grow for ever. */
const MAX_WORDS = 10_000

export class Mailbox {
  readonly #settings: RunSettings
  readonly #listener: MailboxListener
  readonly #id: string
  readonly #ttlMs: number
  readonly #closed = new AbortController()
  /** Undefined before it was opened, and after that failed. */
  #opening: Promise<void> | undefined
  #wanted = false

  constructor(settings: RunSettings, listener: MailboxListener) {
    this.#settings = settings
    this.#listener = listener
    this.#id = mailboxId(settings.holder)
    this.#ttlMs = Math.max(LIFE_IN_LEASES * settings.leaseTtlMs, SHORTEST_LIFE_MS)
  }

  /**
   * Resolves when this process can be told. Called before it holds its first lease, and once more for
   * each: it costs nothing while the mailbox is open.
   */
  open(): Promise<void> {
    this.#wanted = true
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  /**
   * A sign of life, so that the mailbox stays; it is made anew when its time was over, as after the clock
   * jumped. Where runs nobody reads are stopped, a process without runs has a mailbox as well: its readers
   * are asked for.
   */
  async touch(): Promise<void> {
    if (this.#settings.unreadMs !== Number.POSITIVE_INFINITY) this.#wanted = true
    if (!this.#wanted) return
    await this.open()
    const { store } = this.#settings
    const { signal } = this.#closed
    if (await store.touch(this.#id, signal)) return
    // By this its watcher is told that the old one is gone, and watches this one.
    await store.create(this.#id, { ttlMs: this.#ttlMs, retention: {} }, signal)
  }

  /** Asks whoever holds a run to stop it. A process that is gone, or not there yet, does not hear. */
  async askToStop({ holder, stream, incarnation }: Lease, signal: AbortSignal): Promise<void> {
    await this.#tell(mailboxId(holder), { stop: stream, incarnation }, signal)
  }

  /** Tells every process that there are runs to take over. */
  async askToLook(signal: AbortSignal): Promise<void> {
    await this.#tellOthers({ look: true }, signal)
  }

  /** Asks every other process whether it has readers of a run; resolves with how many were asked. */
  askForReaders(run: string, signal: AbortSignal): Promise<number> {
    return this.#tellOthers({ readersOf: run, to: this.#settings.holder }, signal)
  }

  /** Tells whoever asked that a run has readers here. */
  async tellOfReaders(holder: string, run: string, signal: AbortSignal): Promise<void> {
    await this.#tell(mailboxId(holder), { read: run }, signal)
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return
    this.#closed.abort()
    await this.#opening?.catch(() => undefined)
    if (this.#opening) await this.#settings.store.delete(this.#id)
  }

  async #open(): Promise<void> {
    const { store } = this.#settings
    const { signal } = this.#closed
    for (;;) {
      await store.create(this.#id, { ttlMs: this.#ttlMs, retention: {} }, signal)
      const watch = await store.watch(this.#id, (event) => this.#hear(event), signal)
      if (watch.outcome === 'watching') return
    }
  }

  async #tellOthers(word: Json, signal: AbortSignal): Promise<number> {
    const { store } = this.#settings
    const { streams } = await store.list({ prefix: MAILBOXES, closed: false, limit: 1000, signal })
    const others = streams.filter(({ id }) => id !== this.#id)
    const told = await Promise.allSettled(others.map(({ id }) => this.#tell(id, word, signal)))
    const failure = told.find(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
    return others.length
  }

  async #tell(mailbox: string, word: Json, signal: AbortSignal): Promise<void> {
    // One that is missing is not made here: its process may be dead, and otherwise makes it soon.
    await this.#settings.store.append(mailbox, { records: [JSON.stringify(word)] }, signal)
  }

  #hear(event: StreamEvent): void {
    if (event.type === 'gone') {
      this.#reopen()
      return
    }
    for (const record of event.records) {
      if (typeof record !== 'string') continue
      this.#pass(JSON.parse(record) as Word | null)
    }
    if (event.next.position >= MAX_WORDS) void this.#empty()
  }

  /** A process of another version may say more, or less. */
  #pass(word: Word | null): void {
    const { stop, incarnation, look, readersOf, to, read } = word ?? {}
    if (typeof stop === 'string') {
      this.#listener.onStop(stop, typeof incarnation === 'string' ? incarnation : undefined)
    }
    if (look === true) this.#listener.onLook()
    if (typeof readersOf === 'string' && typeof to === 'string') this.#listener.onReadersAsked(readersOf, to)
    if (typeof read === 'string') this.#listener.onReaders(read)
  }

  /** It was deleted, or its time ran out while this process stood still. */
  #reopen(): void {
    this.#opening = undefined
    if (this.#closed.signal.aborted) return
    this.open().catch((err: unknown) => {
      if (!this.#closed.signal.aborted) this.#settings.logger.warn({ err }, 'The mailbox of the runs is lost')
    })
  }

  /** Its watcher is told that it is gone, and makes it anew. */
  async #empty(): Promise<void> {
    try {
      await this.#settings.store.delete(this.#id, this.#closed.signal)
    } catch (err) {
      this.#settings.logger.debug({ err }, 'The mailbox of the runs could not be emptied')
    }
  }
}
