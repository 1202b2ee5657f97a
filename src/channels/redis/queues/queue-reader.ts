/** Reads the messages of queues in one Redis, and drops those that are too old. */
import type { Reply } from '../../../redis/open-client.ts'
import type { LossReport } from '../../local/loss-report.ts'
import type { Envelope, MessageCodec } from '../codec/codec.ts'

/** A message as it is stored in a queue. */
export interface Stored {
  readonly member: Buffer
  /** When it was sent, in seconds since 1970 by the sender's clock. */
  readonly score: string
}

/** The messages in a reply that lists members and scores alternately. */
export function storedIn(reply: Reply): Stored[] {
  const flat = reply as Buffer[]
  const stored: Stored[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    stored.push({ member: flat[i] as Buffer, score: String(flat[i + 1]) })
  }
  return stored
}

export interface QueueReaderOptions {
  readonly codec: MessageCodec
  readonly losses: LossReport
  /** Seconds for which a message is kept. */
  readonly expiry: number
  /** Bytes before each message. */
  readonly prefixLength: number
}

export class QueueReader {
  readonly #options: QueueReaderOptions
  /** Redis's clock less this process's `performance.now()`, in seconds. */
  #offset: number | undefined

  constructor(options: QueueReaderOptions) {
    this.#options = options
  }

  /**
   * Notes Redis's clock. Until the first call every message counts as new, so that none is dropped too
   * early.
   *
   * @param time seconds since 1970, received just now.
   */
  setClock(time: number): void {
    this.#offset = time - performance.now() / 1000
  }

  /**
   * Seconds since a message was sent, by its sender's clock and Redis's.
   *
   * @param maxAge the most seconds that it can have waited; a sender's clock may be wrong.
   */
  ageOf({ score }: Stored, maxAge: number): number {
    if (this.#offset === undefined) return 0
    const age = performance.now() / 1000 + this.#offset - Number(score)
    return Math.min(Math.max(0, age), maxAge)
  }

  /** Opens a message. Undefined for one that is too old or cannot be read, which is counted. */
  open({ member }: Stored, age: number): Envelope | undefined {
    const { codec, losses, expiry, prefixLength } = this.#options
    if (age < expiry) return codec.tryOpen(member.subarray(prefixLength), losses)
    losses.countExpired(1)
    return undefined
  }
}
