/**
 * What Redis published, on its way to the queues. The socket gives hundreds of messages at once, more than a
 * queue holds; those that follow one that filled a queue wait here until receivers had a turn.
 *
 * Invariant: messages are handled one by one in the order they came, at once while nothing waits.
 */
import type { Logger } from '../../../logging/logger.ts'
import { turn } from '../../local/turn.ts'

export interface BurstBufferOptions {
  /** Handles a message. True when receivers need a turn before the next one. What it throws is logged. */
  readonly handle: (topic: string, message: Buffer) => boolean
  readonly logger: Logger
  /** A message came that there was no room for. */
  readonly onOverflow: () => void
  /** Bytes that wait here at most. Default: 16 MiB. */
  readonly maxBytes?: number | undefined
}

interface Waiting {
  readonly topic: string
  readonly message: Buffer
}

const MAX_BYTES = 16 * 1024 * 1024
/** Counted for each message beside its bytes. */
const OVERHEAD = 128

export class BurstBuffer {
  readonly #options: BurstBufferOptions
  readonly #maxBytes: number
  #waiting: Waiting[] = []
  #bytes = 0
  #draining: Promise<void> | undefined

  constructor(options: BurstBufferOptions) {
    this.#options = options
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
  }

  add(topic: string, message: Buffer): void {
    if (!this.#draining) {
      if (this.#handle(topic, message)) this.#draining = this.#drain()
      return
    }
    const size = message.length + OVERHEAD
    if (this.#bytes + size > this.#maxBytes) {
      this.#options.onOverflow()
      return
    }
    this.#bytes += size
    this.#waiting.push({ topic, message })
  }

  /** Resolves when everything that came before the call has been handled. */
  async handled(): Promise<void> {
    await this.#draining
  }

  close(): void {
    this.#waiting = []
  }

  #handle(topic: string, message: Buffer): boolean {
    try {
      return this.#options.handle(topic, message)
    } catch (error) {
      // One bad message must not make the process deaf.
      this.#options.logger.error({ err: error }, 'a channel message was not delivered')
      return false
    }
  }

  async #drain(): Promise<void> {
    await turn()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      for (const { topic, message } of batch) {
        this.#bytes -= message.length + OVERHEAD
        if (this.#handle(topic, message)) await turn()
      }
    }
    this.#draining = undefined
  }
}
