/**
 * A log for what strangers can cause as often as they like: the first of a kind is logged at once,
 * and what follows as one count in ten seconds.
 */
import type { Logger } from './logger.ts'

/** Milliseconds between two lines of one kind. */
const INTERVAL = 10_000

type Level = 'warn' | 'error'

interface Flood {
  readonly level: Level
  /** Since the last line. */
  count: number
  fields: object
  timer: NodeJS.Timeout
}

export class FloodLog {
  readonly #logger: Logger
  readonly #floods = new Map<string, Flood>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * Warns of one more of a kind, which is its message. A later line has the fields of the latest one, and
   * `count`: how many there were since the line before.
   */
  warn(fields: object, message: string): void {
    this.#count('warn', fields, message)
  }

  /** As `warn`, for what somebody has to look at. */
  error(fields: object, message: string): void {
    this.#count('error', fields, message)
  }

  #count(level: Level, fields: object, message: string): void {
    const flood = this.#floods.get(message)
    if (flood) {
      flood.count++
      flood.fields = fields
      return
    }
    this.#logger[level](fields, message)
    const timer = setInterval(() => this.#tell(message), INTERVAL).unref()
    this.#floods.set(message, { level, count: 0, fields, timer })
  }

  /** Logs what was counted and not told yet, and stops. */
  close(): void {
    for (const message of this.#floods.keys()) {
      this.#tell(message)
      this.#forget(message)
    }
  }

  #tell(message: string): void {
    const flood = this.#floods.get(message)
    if (!flood) return
    const { level, fields, count } = flood
    if (count === 0) return this.#forget(message)
    flood.count = 0
    this.#logger[level]({ ...fields, count }, message)
  }

  #forget(message: string): void {
    clearInterval(this.#floods.get(message)?.timer)
    this.#floods.delete(message)
  }
}
