/**
 * The bytes before each message in a queue. channels_redis draws them at random to tell equal messages
 * apart; Redis sorts messages of the same microsecond by them, so that here they count.
 */
import { randomBytes } from 'node:crypto'

/** channels_redis's `random_prefix_length`, unless it is told. */
export const PREFIX_LENGTH = 12

const COUNTER_LENGTH = 6

export class Sequence {
  readonly #length: number
  readonly #counterLength: number
  /** Tells the counters of two processes apart. */
  readonly #process: Buffer
  #count = 0

  /** @param length of what is put before a message. Below 12 counting begins anew earlier, and equal messages may meet. */
  constructor(length: number = PREFIX_LENGTH) {
    this.#length = length
    this.#counterLength = Math.min(COUNTER_LENGTH, Math.ceil(length / 2))
    this.#process = randomBytes(length - this.#counterLength)
  }

  /** Puts the next number, greater than all before it, in front of a message. */
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
