/**
 * Receives, from one Redis, what is for this process: a batch at a time, for as long as the layer is
 * open. Says every few seconds that the process lives.
 */
import type { Logger } from '../../../logging/logger.ts'
import { BlockingPop, type Popped } from './blocking-pop.ts'
import { LIFE_INTERVAL, type Shard } from './shard.ts'
import type { Stored } from './stored.ts'

export interface ProcessInboxOptions {
  readonly shard: Shard
  readonly wakeKey: string
  readonly logger: Logger
  /** The name that this process is known by in Redis: its first queue. */
  readonly inbox: string
  /** The queues of this process at this moment. */
  queues(): readonly string[]
  /** Takes messages, oldest first; no more come before it has. `maxAge`: see `Popped`. */
  deliver(messages: readonly Stored[], maxAge: number): Promise<void>
  /** Called every few seconds. */
  onTick(): void
  /** Called when Redis did not know this process: its memberships may be gone. */
  onForgotten(): void
}

/** Messages taken at once: enough to amortise the round trip, and at most some 100 MiB. */
const BATCH = 100

export class ProcessInbox {
  readonly #options: ProcessInboxOptions
  readonly #pop: BlockingPop
  /** Queues that the pop under way waits for. */
  #blocked: ReadonlySet<string> = new Set()
  #running: Promise<void> | undefined
  #known = false
  #closed = false

  constructor(options: ProcessInboxOptions) {
    this.#options = options
    this.#pop = new BlockingPop(options.shard, options.wakeKey, options.logger)
  }

  /** Begins to receive, if it does not yet. */
  start(): void {
    if (!this.#closed) this.#running ??= this.#run()
  }

  /** Notices that this process has another queue. */
  add(queue: string): void {
    if (!this.#blocked.has(queue)) this.#pop.wake()
    this.start()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pop.close()
    await this.#running
  }

  async #run(): Promise<void> {
    let saidAt = Number.NEGATIVE_INFINITY
    for (let turn = 0; !this.#closed; turn++) {
      const now = performance.now()
      if (now - saidAt >= LIFE_INTERVAL * 1000) {
        saidAt = now
        this.#options.onTick()
        void this.#sayAlive()
      }
      const queues = this.#options.queues()
      // The first queue that holds something is served: each takes its turn at being first.
      const first = turn % queues.length
      // A queue has this process's own name: nothing was in it before the first channel of its prefix.
      for (const queue of queues) {
        if (!this.#blocked.has(queue)) this.#pop.drained.noteNew(queue)
      }
      this.#blocked = new Set(queues)
      const popped = await this.#pop.pop([...queues.slice(first), ...queues.slice(0, first)], BATCH)
      if (popped && !this.#closed) await this.#deliver(popped)
    }
  }

  async #deliver({ messages, maxAge }: Popped): Promise<void> {
    try {
      await this.#options.deliver(messages, maxAge)
    } catch (error) {
      // One bad batch must not make the process deaf.
      this.#options.logger.error({ err: error }, 'channel messages were not delivered')
    }
  }

  async #sayAlive(): Promise<void> {
    const { shard, inbox, logger } = this.#options
    try {
      const isNew = await shard.signOfLife(inbox)
      if (isNew && this.#known) this.#options.onForgotten()
      this.#known = true
    } catch (error) {
      logger.debug({ err: error }, 'a sign of life was not sent')
    }
  }
}
