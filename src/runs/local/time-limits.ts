/**
 * The time limits of one run, and since when it has had no readers. Times are of `performance.now()`, in
 * milliseconds.
 */
import type { RunEnd } from '../../protocol/run-end.ts'
import { endFor } from '../end-reasons.ts'
import type { Generation } from '../generation/generation.ts'
import type { RunSettings } from '../options.ts'

export class TimeLimits {
  readonly #settings: RunSettings
  /** For a run that was taken over, computed from the wall clock, the only clock that processes share. */
  readonly #startedAt: number
  #readAt: number

  /** @param startedAt when the run began, in milliseconds since 1970. */
  constructor(settings: RunSettings, startedAt: number) {
    this.#settings = settings
    this.#readAt = performance.now()
    this.#startedAt = this.#readAt - Math.max(0, Date.now() - startedAt)
  }

  /** The end for an exceeded limit; undefined if there is none. */
  exceeded(now: number, generation: Generation | undefined): RunEnd | undefined {
    const { silenceMs, thinkingMs, lifeMs } = this.#settings
    const { askedAt = now, quietSince = now } = generation ?? {}
    if (now - quietSince >= silenceMs) return endFor('silent')
    if (now - askedAt >= thinkingMs) return endFor('thinking_exceeded')
    return now - this.#startedAt >= lifeMs ? endFor('life_exceeded') : undefined
  }

  /** It has readers, or may have. */
  read(now: number): void {
    this.#readAt = now
  }

  /** Whether it has had no readers for too long. */
  isUnread(now: number): boolean {
    return now - this.#readAt >= this.#settings.unreadMs
  }
}
