/**
 * Stops a run wherever it is: here, in another process, or in none because its process died. A stop stays requested
 * until the run has ended, whoever takes it over meanwhile.
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
  /** The run, if this process works on it. Waits for a start of it that is in progress. */
  readonly local: (id: string) => Promise<LocalRun | undefined>
  readonly adopt: (assignment: Assignment) => void
}

export class Stopper {
  readonly #settings: RunSettings
  readonly #options: StopperOptions
  /** Runs to stop, by id or by id and incarnation, with the number of callers that wait for each. */
  readonly #wanted = new Map<string, number>()

  /** Takeovers in progress of runs whose process is gone. */
  readonly #taking = new Set<Promise<unknown>>()
  #closing = false

  constructor(settings: RunSettings, options: StopperOptions) {
    this.#settings = settings
    this.#options = options
  }

  /** Whether a caller here waits for a run to stop. */
  wants(id: string, incarnation: string): boolean {
    return this.#wanted.has(id) || this.#wanted.has(`${id} ${incarnation}`)
  }

  /** Adopts no more runs. Resolves when no adoption is in progress. Callers that wait for a stop go on waiting. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.allSettled(this.#taking)
  }

  /**
   * Resolves to the end of the run, which may differ from `stopped`. With an incarnation, a later run of the same id
   * is not stopped.
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
        // Another process may take it over and end it. This one is closing, and could not wait for that.
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

  /** Takes the lease of a run, if it has expired, and ends the run. */
  async #take(id: string, info: StreamInfo, provider: Assignment['provider']): Promise<AcquireResult> {
    const { store, holder, leaseTtlMs } = this.#settings
    // Not aborted: a lease taken unnoticed would be unused for its whole length.
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

  /** The process of the run is gone. Cancels its upstream work and writes the end. */
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

/** @throws {RunError} `run_gone` if another run has taken the id. */
function checkIncarnation(found: string, asked: string | undefined): void {
  if (asked !== undefined && found !== asked) throw new RunError('run_gone')
}
