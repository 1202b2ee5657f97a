/**
 * The bytes before each message in a queue. channels_redis draws them at random, to tell equal messages
 * apart. Here they hold a counter, because Redis sorts messages of the same microsecond by them.
 */
import { randomBytes } from 'node:crypto'

/** The default of channels_redis's `random_prefix_length`. */
export const PREFIX_LENGTH = 12

const COUNTER_LENGTH = 6

export class Sequence {
  readonly #length: number
  readonly #counterLength: number
  /** Tells the counters of different processes apart. */
  readonly #process: Buffer
  #count = 0

  /**
   * @param length bytes before a message. With fewer than 12 the counter wraps earlier, and equal messages
   * may meet.
   */
  constructor(length: number = PREFIX_LENGTH) {
    this.#length = length
    this.#counterLength = Math.min(COUNTER_LENGTH, Math.ceil(length / 2))
    this.#process = randomBytes(length - this.#counterLength)
  }

  /** Puts the next number in front of a message. Numbers increase. */
  stamp(message: Buffer): Buffer {
    if (this.#length === 0) return message
    const stamped = Buffer.allocUnsafe(this.#length + message.length)
    stamped.writeUIntBE(this.#count, 0, this.#counterLength)
    this.#count = (this.#count + 1) % 256 ** this.#counterLength
    this.#process.copy(stamped, this.#counterLength)
    message.copy(stamped, this.#length)
    return stamped
  }
}
