/** The readers of the chaos test: real clients, each of which keeps what it was given and looks at once. */
import { type RemoteStream, type StreamClient, StreamError, connect } from 'millrace/client'
import type { Chance } from './chance.ts'
import type { Progress } from './progress.ts'
import { RUNS, indexOf } from './workload.ts'

/** How a reader reaches the server: a WebSocket alone, one with HTTP to fall back on, or HTTP alone. */
export type ReaderRoute = 'socket' | 'either' | 'http'

export interface ReaderPlan {
  readonly name: string
  readonly run: string
  readonly route: ReaderRoute
  /** Comes when its run has as many records. */
  readonly joinsAt: number
  /** Takes its records in large helpings, with this many others' records between two of them; 0: at once. */
  readonly slow: number
  /** Leaves after so many records and comes back with its offset, as a page that is reloaded; 0: never. */
  readonly reloadsAfter: number
  /** Readers of one group share one client, and with it one connection. */
  readonly group?: string
}

/** What became of a reader. */
export interface Heard {
  readonly records: readonly unknown[]
  readonly status: string
  readonly reason?: string
}

export interface ReadersOptions {
  readonly port: number
  readonly progress: Progress
  readonly signal: AbortSignal
  /** The end of a run has reached its first reader. */
  readonly ended: (run: string, heard: Heard) => void
}

/** Five readers of each of the ten runs, of every sort. */
export function fiftyReaders(chance: Chance): ReaderPlan[] {
  return Array.from({ length: 50 }, (_, index) => {
    const run = (RUNS[index % RUNS.length] as (typeof RUNS)[number]).id
    const row = Math.floor(index / RUNS.length)
    const route: ReaderRoute = row < 2 ? 'socket' : row === 2 ? 'either' : 'http'
    return {
      name: `R${index + 1}`,
      run,
      route,
      // The first rows see a run from its beginning, and the first one without delay.
      joinsAt: row < 2 ? 0 : chance.between(1, 600),
      slow: row > 0 && chance.next() < 0.2 ? chance.between(500, 2_000) : 0,
      reloadsAfter: row > 0 && chance.next() < 0.3 ? chance.between(100, 400) : 0,
      // Two readers of one stream over one socket, beside those of others.
      ...(row < 2 && index % RUNS.length < 4 && { group: `G${index % 2}` }),
    }
  })
}

export class Readers {
  readonly #options: ReadersOptions
  readonly #shared = new Map<string, StreamClient>()
  readonly #clients = new Set<StreamClient>()
  readonly #reading = new Map<ReaderPlan, { records: unknown[]; stream?: RemoteStream<unknown> }>()
  /** Records of each run that the reader furthest on has. */
  readonly #furthest = new Map<string, number>()
  readonly #ended = new Map<string, Heard>()

  constructor(options: ReadersOptions) {
    this.#options = options
  }

  /** How the run ended, as its first reader at the end was told. */
  endOf(run: string): Heard | undefined {
    return this.#ended.get(run)
  }

  recordsOf(run: string): number {
    return this.#furthest.get(run) ?? 0
  }

  /** Reads a run to its end. Rejects at the first record that is lost, doubled or out of order. */
  async read(plan: ReaderPlan): Promise<Heard> {
    const { progress, signal } = this.#options
    const { run, joinsAt } = plan
    await progress.until(() => this.recordsOf(run) >= joinsAt || this.#ended.has(run), signal)
    const records: unknown[] = []
    for (let offset = '-1'; ;) {
      const client = this.#clientFor(plan)
      const stream = client.stream<unknown>(run, { offset })
      this.#reading.set(plan, { records, stream })
      // One that has left may have left a stream that has ended, with records that it did not take.
      let left = false
      try {
        left = await this.#take(plan, stream, records)
      } catch (error) {
        if (!(error instanceof StreamError) || error.code !== 'failed') {
          throw new Error(`${this.#where(plan)}: ${String(error)}`, { cause: error })
        }
      }
      signal.throwIfAborted()
      offset = stream.offset
      const { status, error } = stream
      if (!plan.group) this.#drop(client)
      if (left) continue
      this.#reading.delete(plan)
      const heard = { records, status, ...(error?.reason !== undefined && { reason: error.reason }) }
      if (!this.#ended.has(run)) {
        this.#ended.set(run, heard)
        this.#options.ended(run, heard)
      }
      progress.add()
      return heard
    }
  }

  /** The readers that have not ended, and where they are. */
  report(): string {
    return [...this.#reading.keys()].map((plan) => this.#where(plan)).join('\n')
  }

  newClient(route: ReaderRoute, port: number = this.#options.port): StreamClient {
    const client = connect(`ws://127.0.0.1:${port}/ws/streams/`, {
      ...(route === 'socket' && { http: false as const }),
      ...(route === 'http' && { webSocket: blockedSocket }),
    })
    this.#clients.add(client)
    return client
  }

  close(): void {
    for (const client of this.#clients) client.close()
  }

  #clientFor({ route, group }: ReaderPlan): StreamClient {
    const shared = group === undefined ? undefined : this.#shared.get(group)
    if (shared) return shared
    const client = this.newClient(route)
    if (group !== undefined) this.#shared.set(group, client)
    return client
  }

  #drop(client: StreamClient): void {
    client.close()
    this.#clients.delete(client)
  }

  /** Takes what comes, to the end or until the reader leaves, which is then true. */
  async #take(plan: ReaderPlan, stream: RemoteStream<unknown>, records: unknown[]): Promise<boolean> {
    const { progress, signal } = this.#options
    const { run, slow, reloadsAfter } = plan
    const until = reloadsAfter === 0 ? Number.POSITIVE_INFINITY : records.length + reloadsAfter
    for await (const record of stream) {
      if (indexOf(record) !== records.length) {
        throw new Error(
          `record ${records.length} is ${JSON.stringify(record)} behind ${JSON.stringify(records.at(-1))}`,
        )
      }
      records.push(record)
      this.#furthest.set(run, Math.max(this.recordsOf(run), records.length))
      progress.add()
      if (signal.aborted || records.length >= until) return true
      if (slow > 0 && records.length % 100 === 0) {
        const target = progress.count + slow
        await progress.until(() => progress.count >= target || this.#ended.has(run), signal)
      }
    }
    return false
  }

  #where(plan: ReaderPlan): string {
    const { name, run, route, group, slow, reloadsAfter } = plan
    const { records, stream } = this.#reading.get(plan) ?? { records: [] }
    const sort = [route, group && `in ${group}`, slow && 'slow', reloadsAfter && 'reloading'].filter(Boolean)
    return (
      `${name} (${sort.join(', ')}) of ${run}: ${records.length} records, ` +
      `at ${stream?.offset ?? 'no offset'}, ${stream?.status ?? 'waits for its turn'}`
    )
  }
}

/** What a page that came over https does for `ws:`; the client then finds its way over HTTP. */
function blockedSocket(): never {
  throw new Error('WebSockets are blocked')
}
