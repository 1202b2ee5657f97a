/**
 * How processes send each other messages about runs. Each has a stream, its mailbox, which it watches and others
 * append to. A lost message does no harm: a sender that waits for its effect repeats it, and takeovers are looked for
 * anyway.
 */
import type { Json } from '../../protocol/json.ts'
import type { Lease } from '../../streams/leases.ts'
import type { StreamEvent } from '../../streams/watching.ts'
import type { RunSettings } from '../options.ts'
import { MAILBOXES, mailboxId } from '../records/run-ids.ts'

export interface MailboxListener {
  /** Another process asks to stop a run of this one; with an incarnation, only that incarnation. */
  onStop(run: string, incarnation: string | undefined): void
  /** Another process left runs to be taken over. */
  onLook(): void
  /** The process of a run asks whether the run has readers here. */
  onReadersAsked(run: string, holder: string): void
  /** A run of this process has readers in another process. */
  onReaders(run: string): void
}

type Word = { readonly [name in 'stop' | 'incarnation' | 'look' | 'readersOf' | 'to' | 'read']?: unknown }

/** Lifetime of a mailbox in lease lengths, so that it outlives every lease of its process. */
const LIFE_IN_LEASES = 20
const SHORTEST_LIFE_MS = 60_000
/** Messages after which the mailbox is created anew, so that it does not grow for ever. */
const MAX_WORDS = 10_000

export class Mailbox {
  readonly #settings: RunSettings
  readonly #listener: MailboxListener
  readonly #id: string
  readonly #ttlMs: number
  readonly #closed = new AbortController()
  /** Undefined before `open`, and after it failed. */
  #opening: Promise<void> | undefined
  #wanted = false

  constructor(settings: RunSettings, listener: MailboxListener) {
    this.#settings = settings
    this.#listener = listener
    this.#id = mailboxId(settings.holder)
    this.#ttlMs = Math.max(LIFE_IN_LEASES * settings.leaseTtlMs, SHORTEST_LIFE_MS)
  }

  /**
   * Resolves when other processes can reach this one. Called before each lease is taken; it costs nothing while the
   * mailbox is open.
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
   * Keeps the mailbox from expiring, and creates it anew if it did expire, such as after a clock jump. Where unread
   * runs are stopped, a process without runs has a mailbox too, because other processes ask for its readers.
   */
  async touch(): Promise<void> {
    if (this.#settings.unreadMs !== Number.POSITIVE_INFINITY) this.#wanted = true
    if (!this.#wanted) return
    await this.open()
    const { store } = this.#settings
    const { signal } = this.#closed
    if (await store.touch(this.#id, signal)) return
    // Its watcher hears that the old one is gone, and watches this one.
    await store.create(this.#id, { ttlMs: this.#ttlMs, retention: {} }, signal)
  }

  /**
   * Asks the holder of a run to stop it. A process that has died, or not opened its mailbox yet, does not receive it.
   */
  async askToStop({ holder, stream, incarnation }: Lease, signal: AbortSignal): Promise<void> {
    await this.#tell(mailboxId(holder), { stop: stream, incarnation }, signal)
  }

  /** Tells every other process that there are runs to take over. */
  async askToLook(signal: AbortSignal): Promise<void> {
    await this.#tellOthers({ look: true }, signal)
  }

  /** Asks every other process whether it has readers of a run. Resolves with the number of processes asked. */
  askForReaders(run: string, signal: AbortSignal): Promise<number> {
    return this.#tellOthers({ readersOf: run, to: this.#settings.holder }, signal)
  }

  /** Tells the process that asked that a run has readers here. */
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
    // A missing mailbox is not created here: its process has died, or creates it soon.
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

  /** A process of another version may send more fields, or fewer. */
  #pass(word: Word | null): void {
    const { stop, incarnation, look, readersOf, to, read } = word ?? {}
    if (typeof stop === 'string') {
      this.#listener.onStop(stop, typeof incarnation === 'string' ? incarnation : undefined)
    }
    if (look === true) this.#listener.onLook()
    if (typeof readersOf === 'string' && typeof to === 'string') this.#listener.onReadersAsked(readersOf, to)
    if (typeof read === 'string') this.#listener.onReaders(read)
  }

  /** The mailbox was deleted, or expired while this process stood still. */
  #reopen(): void {
    this.#opening = undefined
    if (this.#closed.signal.aborted) return
    this.open().catch((err: unknown) => {
      if (!this.#closed.signal.aborted) this.#settings.logger.warn({ err }, 'mailbox of the runs is lost')
    })
  }

  /** Its watcher hears that it is gone, and creates it anew. */
  async #empty(): Promise<void> {
    try {
      await this.#settings.store.delete(this.#id, this.#closed.signal)
    } catch (err) {
      this.#settings.logger.debug({ err }, 'mailbox of the runs could not be emptied')
    }
  }
}
