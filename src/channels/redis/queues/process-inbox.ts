/**
 * Receives from one Redis what is sent to this process, a batch at a time, and puts it in the channels
 * that it is for. Says every few seconds that the process lives.
 */
import { turn } from '../../local/turn.ts'
import type { LossReport } from '../../local/loss-report.ts'
import type { LocalChannels } from '../local-channels.ts'
import { BlockingPop, type BlockingPopOptions, type Popped } from './blocking-pop.ts'
import type { ControlRoom } from './control-room.ts'
import type { Envelope } from '../codec/codec.ts'
import type { GroupRegistry } from './group-registry.ts'
import type { QueueReader } from './queue-reader.ts'

export interface ProcessInboxOptions extends BlockingPopOptions {
  /** The name by which Redis knows this process: its first queue. */
  readonly inbox: string
  readonly reader: QueueReader
  readonly local: LocalChannels
  readonly groups: GroupRegistry
  readonly control: ControlRoom
  readonly losses: LossReport
  /** Whether this inbox looks for groups that Redis lost; one of a layer does. */
  readonly checksGroups: boolean
  /** Called when Redis did not know this process: its memberships may be gone. */
  onForgotten(): void
}

/** Messages taken at once: enough to make up for the round trip, and at most some 100 MiB. */
const BATCH = 100
/** Seconds between two signs of life. */
const LIFE_INTERVAL = 5

export class ProcessInbox {
  readonly #options: ProcessInboxOptions
  readonly #pop: BlockingPop
  /** Queues that the current pop waits for. */
  #blocked: ReadonlySet<string> = new Set()
  #running: Promise<void> | undefined
  #known = false
  #closed = false

  constructor(options: ProcessInboxOptions) {
    this.#options = options
    this.#pop = new BlockingPop(options)
  }

  /** Begins to receive, if it has not. */
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
    const { inbox, local, groups, checksGroups } = this.#options
    let saidAt = Number.NEGATIVE_INFINITY
    for (let round = 0; !this.#closed; round++) {
      const now = performance.now()
      if (now - saidAt >= LIFE_INTERVAL * 1000) {
        saidAt = now
        groups.tick(checksGroups)
        void this.#sayAlive()
      }
      const queues = [...new Set([inbox, ...local.queues()])]
      // Redis serves the first queue that holds something, so each is first in its turn.
      const first = round % queues.length
      // A queue has the name of this process: before its first channel nothing was in it.
      for (const queue of queues) {
        if (!this.#blocked.has(queue)) this.#pop.drained.noteNew(queue)
      }
      this.#blocked = new Set(queues)
      const popped = await this.#pop.pop([...queues.slice(first), ...queues.slice(0, first)], BATCH)
      if (popped && !this.#closed) await this.#deliver(popped)
    }
  }

  async #deliver({ messages, maxAge }: Popped): Promise<void> {
    const { reader } = this.#options
    try {
      for (const stored of messages) {
        const age = reader.ageOf(stored, maxAge)
        const envelope = reader.open(stored, age)
        if (envelope && this.#put(envelope, age)) await turn()
      }
    } catch (error) {
      // One bad batch must not stop the process from receiving.
      this.#options.logger.error({ err: error }, 'channel messages were not delivered')
    }
  }

  /** Whether receivers need a turn before the next message. */
  #put({ receivers, message }: Envelope, age: number): boolean {
    const { control, groups, local, losses } = this.#options
    if (!receivers) {
      control.handle(message)
      return false
    }
    const channels = new Set<string>()
    for (const receiver of receivers) {
      if (receiver.endsWith('!')) control.handleForeign(message)
      for (const channel of groups.membersFor(receiver) ?? [receiver]) channels.add(channel)
    }
    const { dropped, isTurnWanted } = local.putInAll(channels, message, age)
    losses.countFull(dropped)
    return isTurnWanted
  }

  async #sayAlive(): Promise<void> {
    const { shard, inbox, logger, reader } = this.#options
    try {
      const { isNew, time } = await shard.signOfLife(inbox)
      reader.setClock(time)
      if (isNew && this.#known) this.#options.onForgotten()
      this.#known = true
    } catch (error) {
      logger.debug({ err: error }, 'sign of life not sent')
    }
  }
}
