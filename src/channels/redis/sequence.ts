/**
 * The 12 bytes before each message in a queue. channels_redis draws them at random to tell equal
 * messages apart; Redis sorts messages of the same microsecond by them, so that here they count.
 */
import { randomBytes } from 'node:crypto'

/** Length of what is before a message. */
export const PREFIX_LENGTH = 12

export class Sequence {
  /** Tells the counters of two processes apart. */
  readonly #process = randomBytes(6)
  #count = 0

  /** Puts the next number, greater than all before it, in front of a message. */
  stamp(message: Buffer): Buffer {
    const stamped = Buffer.allocUnsafe(PREFIX_LENGTH + message.length)
    stamped.writeUIntBE(this.#count++, 0, 6)
    this.#process.copy(stamped, 6)
    message.copy(stamped, PREFIX_LENGTH)
    return stamped
  }
}
