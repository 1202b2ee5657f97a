/**
 * Stops a run wherever it is: here, in another process, or in none because its process died. A stop
 * that was asked for holds until the run has ended, whoever takes it over meanwhile.
 */
import type { RunEnd } from '../../protocol/run-end.ts'
import { readCheckpoint } from '../log/checkpoint.ts'
import { RunError } from '../errors.ts'
import { followEnd } from '../records/follow-end.ts'
import type { AcquireResult, Lease } from '../../streams/leases.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { Continuations } from './continuations.ts'
import type { Assignment } from '../local/assignment.ts'
import type { LocalRun } from '../local/local-run.ts'
import type { Mailbox } from './mailbox.ts'
import type { RunSettings } from '../options.ts'
import { readRunRecord } from '../records/run-record.ts'
import type { RunRecord } from '../records/run-record.ts'
import { LOOKS } from './takeover.ts'
import { pause } from '../../time/ticker.ts'

export interface StopperOptions {
  readonly continuations: Continuations
  readonly mailbox: Mailbox
  /** The run, once a start of it that is under way is through, if this process works on it. */
  readonly local: (id: string) => Promise<LocalRun | undefined>
  readonly adopt: (assignment: Assignment) => void
}

export class Stopper {
  readonly #settings: RunSettings
  readonly #options: StopperOptions
  /** Runs to stop, by id or by id and incarnation, with how many callers wait for each. */
  readonly #wanted = new Map<string, number>()

  /** What is under way to take the lease of a run whose process is gone, and to adopt the run. */
  readonly #taking = new Set<Promise<unknown>>()
  #closing = false

  constructor(settings: RunSettings, options: StopperOptions) {
    this.#settings = settings
    this.#options = options
  }

  /** Whether somebody here waits for a run to stop. */
  wants(id: string, incarnation: string): boolean {
    return this.#wanted.has(id) || this.#wanted.has(`${id} ${incarnation}`)
  }

  /** Adopts no more runs; resolves when none is being adopted. Who waits for a stop goes on waiting. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.allSettled(this.#taking)
  }

  /**
   * Resolves to the end of the run, which may be another one than the stop. With an incarnation no run is
   * stopped that took the id since.
   */
  async stop(id: string, signal: AbortSignal, incarnation?: string): Promise<RunEnd> {
    const wanted = incarnation === undefined ? id : `${id} ${incarnation}`
    this.#wanted.set(wanted, (this.#wanted.get(wanted) ?? 0) + 1)
    const waiting = new AbortController()
    try {
      return await this.#stop(id, AbortSignal.any([signal, waiting.signal]), incarnation)
    } finally {
      waiting.abort()
      const left = (this.#wanted.get(wanted) ?? 1) - 1
      if (left > 0) this.#wanted.set(wanted, left)
      else this.#wanted.delete(wanted)
    }
  }

  async #stop(id: string, signal: AbortSignal, incarnation: string | undefined): Promise<RunEnd> {
    const { store, leaseTtlMs } = this.#settings
    let ended: Promise<RunEnd> | undefined
    for (;;) {
      signal.throwIfAborted()
      const here = await this.#options.local(id)
      if (here) {
        checkIncarnation(here.incarnation, incarnation)
        const end = await here.stop()
        if (end) return end
        continue
      }
      const { info, record } = await this.#find(id, signal)
      checkIncarnation(info.incarnation, incarnation)
      if (record.end) return record.end
      const { provider } = (await this.#options.continuations.of(record, signal)) ?? {}
      if (this.#closing) {
        // Whoever takes it over then, or waits with this one, may end it; here nobody would wait for that.
        await pause(leaseTtlMs / LOOKS, signal)
        continue
      }
      const taking = this.#take(id, info, provider)
      this.#taking.add(taking)
      const taken = await taking.finally(() => this.#taking.delete(taking))
      if (taken.outcome === 'held') {
        checkIncarnation(taken.lease.incarnation, incarnation)
        ended ??= followEnd(store, { id, incarnation: taken.lease.incarnation }, signal)
        ended.catch(() => undefined)
        await this.#options.mailbox.askToStop(taken.lease, signal)
        const known = await Promise.race([ended, pause(leaseTtlMs / LOOKS, signal)])
        if (known) return known
      }
    }
  }

  /** Takes the lease of a run, if it is over, and ends the run. */
  async #take(id: string, info: StreamInfo, provider: Assignment['provider']): Promise<AcquireResult> {
    const { store, holder, leaseTtlMs } = this.#settings
    // Not aborted: a lease that was taken and not noticed would be nobody's for its whole length.
    const taken = await store.leases.acquire(id, { holder, ttlMs: leaseTtlMs })
    if (taken.outcome !== 'acquired') return taken
    if (taken.lease.incarnation !== info.incarnation) await store.leases.handOver(taken.lease)
    else this.#conclude(taken.lease, taken.info, provider)
    return taken
  }

  async #find(id: string, signal: AbortSignal): Promise<{ info: StreamInfo; record: RunRecord }> {
    const info = await this.#settings.store.head(id, signal)
    const record = info && readRunRecord(info)
    if (!record) throw new RunError('run_not_found')
    return { info, record }
  }

  /** Its process is gone. What that left upstream is ended, and the end is written. */
  #conclude(lease: Lease, info: StreamInfo, provider: Assignment['provider']): void {
    const record = readRunRecord(info)
    if (!record) return
    this.#options.adopt({
      lease,
      owner: info.owner,
      record,
      checkpoint: readCheckpoint(info),
      tail: info.tail,
      takenOver: true,
      resumable: false,
      provider,
      end: { status: 'stopped' },
    })
  }
}

/** @throws {RunError} `run_gone` where the run that was to be stopped is no longer there, and another one is. */
function checkIncarnation(found: string, asked: string | undefined): void {
  if (asked !== undefined && found !== asked) throw new RunError('run_gone')
}
