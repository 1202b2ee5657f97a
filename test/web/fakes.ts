import type { ConnectionState, Json, StreamStatus } from '../../src/client/index.ts'
import { StreamError } from '../../src/client/index.ts'
import { type Address, NO_RUN, type Visit } from '../../web/src/address.ts'
import type { Clock } from '../../web/src/clock.ts'
import type { RunStream, RunStreams } from '../../web/src/run-client.ts'

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now = 0
  #timers: { at: number; run: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Timers that would still run. */
  get pending(): number {
    return this.#timers.length
  }

  /** Moves on by `ms`, and runs what falls due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#now = due.at
      due.run()
    }
    this.#now = end
  }
}

class Listeners {
  readonly #all = new Set<() => void>()

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#all.add(listener)
    return () => void this.#all.delete(listener)
  }

  tell(): void {
    for (const listener of this.#all) listener()
  }

  get size(): number {
    return this.#all.size
  }
}

/** A stream whose server is the test. */
export class FakeStream implements RunStream {
  status: StreamStatus = 'connecting'
  error: StreamError | undefined
  closed = false
  readonly listeners = new Listeners()
  readonly subscribe = this.listeners.subscribe
  #waiting: unknown[] = []

  get done(): boolean {
    return this.closed || (this.status !== 'connecting' && this.status !== 'running')
  }

  take(): unknown[] {
    const records = this.#waiting
    this.#waiting = []
    return records
  }

  close(): void {
    this.closed = true
    this.listeners.tell()
  }

  /** Receives records. */
  bring(...records: unknown[]): void {
    this.status = 'running'
    this.#waiting.push(...records)
    this.listeners.tell()
  }

  end(status: StreamStatus, error?: StreamError): void {
    this.status = status
    this.error = error
    this.listeners.tell()
  }
}

/** What was asked of the server, to be answered by the test. */
export interface FakeRequest {
  readonly id: string
  /** Of a start. */
  readonly kind?: string
  readonly input?: Json
  /** Grants a start, or a stop. */
  readonly grant: () => Promise<void>
  readonly refuse: (code: string, message: string) => Promise<void>
}

export class FakeStreams implements RunStreams {
  state: ConnectionState = 'idle'
  error: StreamError | undefined
  readonly listeners = new Listeners()
  readonly subscribe = this.listeners.subscribe
  readonly followed: { readonly id: string; readonly stream: FakeStream }[] = []
  readonly starts: FakeRequest[] = []
  readonly stops: FakeRequest[] = []

  readonly runs: RunStreams['runs'] = {
    numbers: { start: (_none, { id }) => this.#start('numbers', id) },
    answer: { start: ({ prompt }, { id }) => this.#start('answer', id, { prompt }) },
  }

  become(state: ConnectionState, error?: StreamError): void {
    this.state = state
    this.error = error
    this.listeners.tell()
  }

  stream(id: string): FakeStream {
    const stream = new FakeStream()
    this.followed.push({ id, stream })
    return stream
  }

  async #start(kind: string, id: string, input?: Json): Promise<FakeStream> {
    await this.#ask(this.starts, { id, kind, ...(input !== undefined && { input }) })
    return this.stream(id)
  }

  async stop(id: string): Promise<void> {
    await this.#ask(this.stops, { id })
  }

  /** The stream followed last. */
  get last(): FakeStream {
    const last = this.followed.at(-1)
    if (last === undefined) throw new Error('No stream was followed')
    return last.stream
  }

  async #ask(requests: FakeRequest[], what: Pick<FakeRequest, 'id' | 'kind' | 'input'>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    requests.push({
      ...what,
      grant: async () => {
        resolve()
        await settled()
      },
      refuse: async (code, message) => {
        reject(new StreamError(code, message))
        await settled()
      },
    })
    await promise
  }
}

/** A history without a window. */
export class FakeAddress implements Address {
  readonly entries: Visit[]
  readonly listeners = new Listeners()
  readonly subscribe = this.listeners.subscribe
  #at = 0

  constructor(first: Visit = NO_RUN) {
    this.entries = [first]
  }

  read(): Visit {
    return this.entries[this.#at] ?? NO_RUN
  }

  push(visit: Visit): void {
    this.entries.splice(++this.#at, Infinity, visit)
  }

  replace(visit: Visit): void {
    this.entries[this.#at] = visit
  }

  /** As Back and Forward of a browser. */
  go(steps: number): void {
    this.#at += steps
    this.listeners.tell()
  }
}

/** Lets promises that have settled be heard. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
