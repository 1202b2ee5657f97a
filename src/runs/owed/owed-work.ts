/**
 * Handles the owed end of one run under the lease of its stream, and settles each part once it is done. A failed part
 * is postponed: the lease is renewed for the length of the pause, so that no process retries it earlier.
 */
import { StoreError } from '../../streams/errors.ts'
import type { Lease } from '../../streams/leases.ts'
import type { RunSettings } from '../options.ts'
import type { Owed } from './owed.ts'
import { encodeOwed } from './owed.ts'
import { patiently } from '../../streams/patience.ts'

/** Milliseconds between two attempts, doubled each time. */
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 600_000
/** It is given up after this many attempts and this long: a clock alone does not decide. */
const MOST_ATTEMPTS = 20
const LONGEST_MS = 24 * 3600 * 1000

/**
 * Resolves when it is done, and rejects when it should be retried. Ends soon after its signal aborts. Calls `makeSure`,
 * and looks at the signal, right before it does what others can see.
 */
export type OwedPart = (signal: AbortSignal, makeSure: () => Promise<void>) => Promise<void>

export interface OwedWorkOptions {
  readonly settings: RunSettings
  /** Held, and renewed by the owner of this object. */
  readonly lease: Lease
  /** Until when no other process can take it, by `performance.now()`. */
  readonly until: number
  readonly owed: Owed
  readonly ended?: OwedPart | undefined
  readonly cancel?: OwedPart | undefined
  /** Called when it failed, or was given up. */
  readonly onFailed: (error: unknown, fate: { readonly attempt: number; readonly isGivenUp: boolean }) => void
}

export class OwedWork {
  readonly lease: Lease
  /** Resolves when this process has done what it can. Never rejects. */
  readonly over: Promise<void>
  readonly #settings: RunSettings
  readonly #onFailed: OwedWorkOptions['onFailed']
  readonly #stop = new AbortController()
  #until: number
  #owed: Owed
  #writing: Promise<unknown> = Promise.resolve()

  /** Begins at once. */
  constructor({ settings, lease, until, owed, ended, cancel, onFailed }: OwedWorkOptions) {
    this.lease = lease
    this.#settings = settings
    this.#until = until
    this.#owed = owed
    this.#onFailed = onFailed
    const parts = [
      ended && this.#part(ended, () => ({ ended: false })),
      cancel && this.#part(cancel, () => ({ cancel: undefined })),
    ]
    this.over = this.#run(parts.filter((part) => part !== undefined))
  }

  /** Renews its lease. Rejects as the store does. */
  async renew(signal: AbortSignal): Promise<void> {
    const until = performance.now() + this.lease.ttlMs
    const { outcome } = await this.#settings.store.leases.renew(this.lease, signal)
    if (outcome === 'lost') this.stop(new Error('Another process took over what a run owes'))
    else this.#until = Math.max(this.#until, until)
  }

  /** Ends the work. What is not done is left to others. */
  stop(reason: Error): void {
    this.#stop.abort(reason)
  }

  /** Changes what is owed. Never rejects: if the change cannot be written, the owed end stays as it was. */
  change(change: Partial<Pick<Owed, 'ended' | 'cancel'>>): Promise<void> {
    this.#owed = { ...this.#owed, ...change }
    const writing = this.#writing.then(() => this.#keep())
    this.#writing = writing
    return writing
  }

  /**
   * Renews the lease if it may be over: this process may have stood still since the last renewal, during any call to
   * the store, and another one may have handled the end meanwhile. Stops the work if it was lost.
   */
  async #makeSure(): Promise<void> {
    const { leaseTtlMs } = this.#settings
    while (performance.now() >= this.#until && !this.#stop.signal.aborted)
      await this.renew(AbortSignal.any([this.#stop.signal, AbortSignal.timeout(leaseTtlMs)]))
  }

  async #part(work: OwedPart, done: () => Partial<Owed>): Promise<void> {
    this.#stop.signal.throwIfAborted()
    await this.#inTime(work)
    await this.change(done())
  }

  /** A part that ignores its signal is left behind. */
  async #inTime(work: OwedPart): Promise<void> {
    const late = Promise.withResolvers<never>()
    const limit = new AbortController()
    const end = (): void => {
      limit.abort(this.#stop.signal.aborted ? this.#stop.signal.reason : new Error('It took too long'))
      late.reject(limit.signal.reason as Error)
    }
    const timer = setTimeout(end, this.#settings.endedTimeoutMs)
    this.#stop.signal.addEventListener('abort', end, { once: true })
    try {
      if (this.#stop.signal.aborted) end()
      await Promise.race([work(limit.signal, () => this.#makeSure()), late.promise])
    } finally {
      clearTimeout(timer)
      this.#stop.signal.removeEventListener('abort', end)
      late.promise.catch(() => undefined)
    }
  }

  async #keep(): Promise<void> {
    const { store, storePatienceMs, logger } = this.#settings
    const left = encodeOwed(this.#owed)
    const settle = (): Promise<boolean> => store.leases.settle(this.lease, left)
    try {
      await patiently(settle, storePatienceMs, this.#stop.signal)
    } catch (err) {
      const run = this.lease.stream
      logger.warn(
        { err, run },
        'end of a run was handled, but this could not be recorded: it will be handled again',
      )
    }
  }

  async #run(parts: readonly Promise<void>[]): Promise<void> {
    const outcomes = await Promise.allSettled(parts)
    const failed = outcomes.find(({ status }) => status === 'rejected')
    try {
      if (this.#stop.signal.aborted) await this.#leave()
      else if (failed?.status === 'rejected') await this.#putOff(failed.reason)
      // A part that this process cannot handle.
      else if (encodeOwed(this.#owed) !== undefined) await this.#leave()
    } catch (err) {
      // Its lease will expire.
      const isAway = err instanceof StoreError
      this.#settings.logger[isAway ? 'debug' : 'error'](
        { err, run: this.lease.stream },
        'end of a run is left to other processes',
      )
    }
  }

  async #putOff(error: unknown): Promise<void> {
    const { leases } = this.#settings.store
    const { since, epoch } = this.#owed
    const attempt = Math.max(1, this.lease.epoch - epoch + 1)
    const isGivenUp = attempt >= MOST_ATTEMPTS && Date.now() - since >= LONGEST_MS
    this.#onFailed(error, { attempt, isGivenUp })
    if (isGivenUp) await leases.settle(this.lease)
    else {
      const ttlMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 20), LONGEST_PAUSE_MS)
      await leases.renew({ ...this.lease, ttlMs })
    }
  }

  async #leave(): Promise<void> {
    await this.#settings.store.leases.handOver(this.lease)
  }
}
