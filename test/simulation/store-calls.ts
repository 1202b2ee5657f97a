/** What becomes of the calls of one process to its store: they take their time, are refused, or done and not answered. */
import { StoreError } from '../../src/streams/errors.ts'
import type { Coverage } from './coverage.ts'
import type { Faults } from './faults.ts'
import type { Host } from './host.ts'
import type { SharedStore } from './shared-store.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface StoreCallsOptions {
  readonly host: Host
  readonly shared: SharedStore
  readonly time: VirtualTime
  readonly faults: Faults
  readonly coverage: Coverage
  readonly trace: (what: string) => void
  /** Whether streams may come to the end of their time meanwhile. */
  readonly expires: boolean
}

/** What does something when it comes late. */
const WRITES: ReadonlySet<string> = new Set([
  'create',
  'append',
  'acquire',
  'renew',
  'claim',
  'settle',
  'delete',
  'touch',
  'trim',
])

/** Milliseconds that a call may lie in a buffer when its caller has given it up. */
const LATE_MS = 3_000

/** Milliseconds that a store takes at most which is well. */
const WELL_MS = 200

/** Methods whose doubles the contract lets a store do: what is done twice is known by its producer. */
export type Doubling = 'doubles' | 'once'

export interface Doom {
  /** So many calls come through before. */
  left: number
  readonly when: 'before' | 'after'
  readonly die: () => void
}

export class StoreCalls {
  readonly #options: StoreCallsOptions
  /** Calls that hang in an outage, to be let go when it is over. */
  #hanging: (() => void)[] = []
  /** Calls and answers that are on their way, those included that were given up or come a second time. */
  #underWay = 0
  #closed = false
  /** Its process is to die over one of its calls for chats. */
  doom: Doom | undefined

  constructor(options: StoreCallsOptions) {
    this.#options = options
  }

  /**
   * Whether something is on its way: a call that the store does when it arrives, or an answer on which its caller goes
   * on. A start whose client was cut off, and answered by another process, is created upon such an answer.
   */
  get isAwaited(): boolean {
    return this.#underWay > 0
  }

  /** An outage is over. */
  recover(): void {
    const hanging = this.#hanging
    this.#hanging = []
    for (const go of hanging) go()
  }

  /** From here on each call is answered `closed`. */
  close(): void {
    this.#closed = true
  }

  /** `doubling`: whether the call may come twice. */
  call<T>(
    method: string,
    id: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    doubling: Doubling = 'once',
  ): Promise<T> {
    const { host, faults, coverage, expires } = this.#options
    const apply = expires ? () => this.#options.shared.noteExpired('the store').then(work) : work
    if (this.#closed) return Promise.reject(new StoreError('closed', 'The stream store is closed'))
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const fate = faults.next()
    const doom = this.#doomFor(method, id)
    if (doom === 'before') return new Promise(() => {})
    const { thereMs, backMs } = fate
    const what =
      fate.what === 'doubled' && doubling === 'once'
        ? 'whole'
        : fate.what === 'late' && !WRITES.has(method)
          ? 'refused'
          : fate.what
    if ((what !== 'whole' && what !== 'doubled') || thereMs + backMs > WELL_MS) host.isWell = false
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason as Error)
      signal?.addEventListener('abort', abort, { once: true })
      const settle = (settling: () => void): void => {
        const answer = (): void =>
          host.run(() => {
            signal?.removeEventListener('abort', abort)
            settling()
          })
        if (backMs > 0) this.#later(backMs, answer)
        else answer()
      }
      const fail = (): void =>
        settle(() => reject(new StoreError('unavailable', `The store does not answer ${method}`)))
      const arrive = (): void => {
        if (faults.outage === 'hangs') return void this.#hanging.push(arrive)
        if (what === 'refused') {
          coverage.add('refusedCalls')
          this.#options.trace(`${host.name}: ${method} ${id} is refused`)
          return fail()
        }
        if (what === 'late') {
          coverage.add('lateCalls')
          this.#options.trace(`${host.name}: ${method} ${id} is not answered, and done later`)
          this.#later(LATE_MS, () => void apply().catch(() => undefined))
          return fail()
        }
        const doing = apply()
        if (doom) {
          void doing.then(doom.die, doom.die)
          return
        }
        if (what === 'doubled') {
          coverage.add('doubledCalls')
          // It comes a second time, and that answer is lost.
          this.#later(1 + backMs, () => void apply().catch(() => undefined))
        }
        if (what === 'unanswered') {
          coverage.add('lostAnswers')
          this.#options.trace(`${host.name}: ${method} ${id} is done, and not answered`)
        }
        doing.then(
          (result) => (what === 'unanswered' ? fail() : settle(() => resolve(result))),
          (error: unknown) => settle(() => reject(error)),
        )
      }
      if (thereMs > 0) this.#later(thereMs, arrive)
      else arrive()
    })
  }

  /** Whether its process dies over a call: at once, or when that is done. */
  #doomFor(method: string, id: string): Doom | 'before' | undefined {
    const { doom } = this
    if (!doom || !(id.startsWith('@chat-log/') || (method === 'create' && !id.startsWith('@'))))
      return undefined
    if (doom.left-- > 0) return undefined
    this.doom = undefined
    if (doom.when === 'after') return doom
    doom.die()
    return 'before'
  }

  #later(milliseconds: number, task: () => void): void {
    this.#underWay++
    this.#options.time.after(milliseconds, () => {
      this.#underWay--
      task()
    })
  }
}
