/** Shared by all suites: waiting for events, and letting time pass. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TimedHarness {
  /** Lets this many units of time pass, without waiting. */
  advance?(time: number): void | Promise<void>
  /** Seconds after which a missing event fails a case. Default: 4. */
  readonly patience?: number
}

/** Times are in the unit of the harness. */
export class TimedTrial<ErrorCode extends string = string> {
  readonly #harness: TimedHarness
  readonly #unitMs: number

  /** @param unitMs milliseconds that one unit of time has. */
  constructor(harness: TimedHarness, unitMs: number) {
    this.#harness = harness
    this.#unitMs = unitMs
  }

  /** Marks a promise that a failing case may leave behind, so that its rejection is not unhandled. */
  hold<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {})
    return promise
  }

  /** Awaits a promise, which must resolve soon. */
  async soon<T>(promise: Promise<T>, what: string): Promise<T> {
    const { patience = 4 } = this.#harness
    const arrived = new AbortController()
    const missing = sleep(patience * 1000, undefined, { signal: arrived.signal }).then(
      () => assert.fail(`${what} did not come within ${patience} s`),
      () => undefined as never,
    )
    try {
      return await Promise.race([promise, missing])
    } finally {
      arrived.abort()
    }
  }

  /** Asserts that the call rejects with an error of this code, and does not throw. */
  async expectError(code: ErrorCode, call: () => Promise<unknown>): Promise<void> {
    const outcome = call().then(
      () => assert.fail(`the call succeeded; it should be refused with ${code}`),
      (error: unknown) => error,
    )
    const error = await this.soon(outcome, `the error ${code}`)
    assert.ok(error instanceof Error, `${code} is an Error`)
    assert.equal('code' in error ? error.code : undefined, code, error.message)
    assert.notEqual(error.message, '', 'the error says what is wrong')
  }

  /** A short expiry for this harness: a minute, or a second if it waits in real time. */
  get shortTime(): number {
    return (this.#harness.advance ? 60_000 : 1000) / this.#unitMs
  }

  async elapse(time: number): Promise<void> {
    if (this.#harness.advance) await this.#harness.advance(time)
    // Timers may fire a little early, and a server may count in whole milliseconds.
    else await sleep(time * this.#unitMs + 20)
  }

  /**
   * Runs a test that is only meaningful if it ends within this time. In real time on a stalling machine a failure
   * proves nothing, so it is tried again.
   */
  async withinTime(time: number, attempt: () => Promise<void>): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      const start = performance.now()
      try {
        return await attempt()
      } catch (error) {
        const stalled = !this.#harness.advance && performance.now() - start > time * this.#unitMs
        if (!stalled || attempts === 5) throw error
      }
    }
  }
}
