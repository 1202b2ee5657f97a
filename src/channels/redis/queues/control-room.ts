/**
 * What processes of this layer tell each other, as messages in each other's queues: to take a channel out of
 * a group, and to flush. These messages keep their order with all others.
 */
import { randomUUID } from 'node:crypto'
import type { ChannelMessage } from '../../layer.ts'

export interface ControlRoomOptions {
  send(inbox: string, message: ChannelMessage): Promise<void>
  onDiscard(group: string, channel: string): Promise<void>
  onFlush(): void
}

/** Milliseconds that a flush waits for the other processes. */
const FLUSH_PATIENCE = 1000

export class ControlRoom {
  readonly #inbox: string
  readonly #options: ControlRoomOptions
  /** Flushes that not all processes have answered, by id. */
  readonly #flushes = new Map<string, { readonly left: Set<string>; readonly end: (error?: Error) => void }>()

  /** @param inbox of this process. */
  constructor(inbox: string, options: ControlRoomOptions) {
    this.#inbox = inbox
    this.#options = options
  }

  async askToDiscard(inbox: string, group: string, channel: string): Promise<void> {
    await this.#options.send(inbox, { type: 'discard', group, channel })
  }

  /** Resolves when the processes have flushed, or after a second: processes that did not answer are gone. */
  async askToFlush(inboxes: ReadonlySet<string>): Promise<void> {
    if (inboxes.size === 0) return
    const id = randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const end = (error?: Error): void => (error ? reject(error) : resolve())
    this.#flushes.set(id, { left: new Set(inboxes), end })
    const timer = setTimeout(end, FLUSH_PATIENCE)
    try {
      const asking = [...inboxes].map((inbox) =>
        this.#options.send(inbox, { type: 'flush', id, from: this.#inbox }),
      )
      await Promise.all([promise, ...asking])
    } finally {
      clearTimeout(timer)
      this.#flushes.delete(id)
    }
  }

  /**
   * Handles a message that an application, in Python for example, sent to the part of a channel's name up to
   * the `!`. `group.discard` takes a channel of this process out of a group; Python's own call cannot do that
   * when the group has many channels.
   */
  handleForeign({ type, group, channel }: ChannelMessage): void {
    if (type !== 'group.discard' || typeof group !== 'string' || typeof channel !== 'string') return
    this.#ignoreFailure(this.#options.onDiscard(group, channel))
  }

  handle(message: ChannelMessage): void {
    const { type, id, from, by, group, channel } = message
    if (type === 'discard' && typeof group === 'string' && typeof channel === 'string') {
      this.#ignoreFailure(this.#options.onDiscard(group, channel))
    } else if (type === 'flush' && typeof id === 'string' && typeof from === 'string') {
      this.#options.onFlush()
      this.#ignoreFailure(this.#options.send(from, { type: 'flushed', id, by: this.#inbox }))
    } else if (type === 'flushed' && typeof id === 'string' && typeof by === 'string') {
      const flush = this.#flushes.get(id)
      flush?.left.delete(by)
      if (flush?.left.size === 0) flush.end()
    }
  }

  close(error: Error): void {
    for (const { end } of this.#flushes.values()) end(error)
  }

  /** The call has taken effect in this process; Redis is told again, or forgets by itself. */
  #ignoreFailure(call: Promise<void>): void {
    call.catch(() => undefined)
  }
}
