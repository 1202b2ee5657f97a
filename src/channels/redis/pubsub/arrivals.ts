/**
 * Takes what Redis published, and puts it in the channels of this process that it is for. The socket may give
 * hundreds of messages at once, more than a queue holds: when one of them has filled a queue, the rest wait
 * here until receivers had a turn.
 *
 * Invariant: messages are handled one by one in the order they came, and at once while nothing waits.
 */
import type { Logger } from '../../../logging/logger.ts'
import type { ChannelMessage } from '../../layer.ts'
import type { LossReport } from '../../local/loss-report.ts'
import { turn } from '../../local/turn.ts'
import type { MessageCodec } from '../codec/codec.ts'
import type { LocalChannels } from '../local-channels.ts'
import type { Control } from './control.ts'
import type { Echoes } from './echoes.ts'
import type { LocalGroups } from './local-groups.ts'
import type { NamedChannels } from './named-channels.ts'
import type { Topics } from './topics.ts'

export interface ArrivalsOptions {
  readonly topics: Topics
  readonly codec: MessageCodec
  readonly local: LocalChannels
  readonly named: NamedChannels
  readonly groups: LocalGroups
  readonly control: Control
  readonly echoes: Echoes
  readonly losses: LossReport
  readonly logger: Logger
}

interface Waiting {
  readonly topic: string
  readonly sealed: Buffer
}

/** Bytes that wait here at most; a message beyond them is dropped. */
const MAX_BYTES = 16 * 1024 * 1024
/** Bytes counted for each message in addition to its own. */
const OVERHEAD = 128

export class Arrivals {
  readonly #options: ArrivalsOptions
  #waiting: Waiting[] = []
  #bytes = 0
  #draining: Promise<void> | undefined
  #closed = false

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  readonly add = (topic: string, sealed: Buffer): void => {
    if (this.#closed) return
    if (!this.#draining) {
      if (this.#handle(topic, sealed)) this.#draining = this.#drain()
      return
    }
    const size = sealed.length + OVERHEAD
    if (this.#bytes + size > MAX_BYTES) {
      this.#options.losses.countFull(1)
      return
    }
    this.#bytes += size
    this.#waiting.push({ topic, sealed })
  }

  /** Resolves when everything that came before the call has been handled. */
  async handled(): Promise<void> {
    await this.#draining
  }

  /** Drops what waits, and what comes later. */
  close(): void {
    this.#closed = true
    this.#waiting = []
  }

  /** Whether receivers need a turn before the next message. */
  #handle(topic: string, sealed: Buffer): boolean {
    try {
      return this.#deliver(topic, sealed)
    } catch (error) {
      // One bad message must not stop the process from receiving.
      this.#options.logger.error({ err: error }, 'channel message not delivered')
      return false
    }
  }

  async #drain(): Promise<void> {
    await turn()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      for (const { topic, sealed } of batch) {
        this.#bytes -= sealed.length + OVERHEAD
        if (!this.#closed && this.#handle(topic, sealed)) await turn()
      }
    }
    this.#draining = undefined
  }

  #deliver(topic: string, sealed: Buffer): boolean {
    const { topics, control, local, named, losses } = this.#options
    if (topics.isControl(topic)) {
      const message = this.#open(sealed)
      if (message) control.handle(message)
      return false
    }
    if (topic.endsWith('!')) {
      const message = this.#open(sealed)
      if (message) control.handleForeign(message)
      return false
    }
    const group = topics.groupIn(topic)
    const isTurnWanted = group !== undefined && this.#deliverToGroup(group, topic, sealed)
    if (!local.has(topic) && !named.has(topic)) return isTurnWanted
    const message = this.#open(sealed)
    if (!message) return isTurnWanted
    const accepted = local.put(topic, message, false) ?? named.put(topic, message)
    if (!accepted) losses.countFull(1)
    return local.wantsTurn(topic) || named.wantsTurn(topic) || isTurnWanted
  }

  #deliverToGroup(group: string, topic: string, sealed: Buffer): boolean {
    const { groups, local, losses, echoes } = this.#options
    const members = groups.members(group)
    const message = members.length > 0 ? this.#open(sealed) : undefined
    const result = message && local.putInAll(new Set(members), message)
    const { sent, dropped, isTurnWanted } = result ?? { sent: 0, dropped: 0, isTurnWanted: false }
    losses.countFull(dropped)
    echoes.hear(topic, sealed, { sent, dropped })
    return isTurnWanted
  }

  #open(sealed: Buffer): ChannelMessage | undefined {
    return this.#options.codec.tryOpen(sealed, this.#options.losses)?.message
  }
}
