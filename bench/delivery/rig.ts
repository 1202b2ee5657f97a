/** One server and its readers, set up for a measurement. */
import { Child } from '../harness/child.ts'
import { PATIENCE, otherCores } from '../harness/program.ts'
import { Latencies } from '../harness/latencies.ts'
import type { Context, Values } from '../harness/load.ts'
import type { Dialect } from './dialect.ts'
import type { Join, ReadersArguments, ReadersReply, ReadersRequest } from './readers.ts'
import type { ServerArguments, ServerReply, ServerRequest } from './server.ts'

const SERVER = new URL('server.ts', import.meta.url)
const READERS = new URL('readers.ts', import.meta.url)

/** Seconds for a process to start, and for so many connections to open. */
const STARTING = 30

/** The server has the first core; the readers have the others, up to three of them. */
const READER_PROCESSES = Math.min(3, otherCores)

export class Server {
  readonly port: number
  readonly #child: Child<ServerRequest, ServerReply>
  readonly #quietly: boolean
  #cpuBase = 0

  private constructor(child: Child<ServerRequest, ServerReply>, port: number, quietly: boolean) {
    this.#child = child
    this.port = port
    this.#quietly = quietly
  }

  static async start(context: Context, given: ServerArguments, ...flags: string[]): Promise<Server> {
    const { profile, signal } = context
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const child = new Child<ServerRequest, ServerReply>(SERVER, [JSON.stringify(given)], {
      signal,
      core: 0,
      flags: [...flags, ...profiling],
    })
    try {
      const { port } = await child.reply('listening', STARTING)
      return new Server(child, port, profile !== undefined)
    } catch (error) {
      await child.end()
      throw error
    }
  }

  /** Returns how many records it made on each stream. @throws {TooSlow} when that takes much longer. */
  async pace(rate: number, seconds: number, grace: number): Promise<number> {
    const { records } = await this.#child.ask(
      { type: 'pace', rate, seconds },
      'produced',
      seconds * 1.5 + grace,
    )
    return records
  }

  async produce(records: number): Promise<void> {
    await this.#child.ask({ type: 'produce', records }, 'produced', PATIENCE)
  }

  reset(): void {
    this.#child.send({ type: 'reset' })
    this.#cpuBase = this.#child.cpuMicros
  }

  async usage(what: 'usage' | 'settle' = 'usage'): Promise<Usage> {
    const usage = await this.#child.ask({ type: what }, 'usage', STARTING)
    return { ...usage, systemMicros: this.#child.cpuMicros - this.#cpuBase }
  }

  async end(): Promise<void> {
    await this.#child.end(this.#quietly)
  }
}

export interface Usage {
  /** Since `reset`. */
  readonly cpuMicros: number
  /** Of that, outside the kernel. */
  readonly userMicros: number
  /** The same as the system tells others; NaN where it does not. */
  readonly systemMicros: number
  /** Bytes. */
  readonly rss: number
}

export interface Collected {
  readonly latencies: Latencies
  /** That all readers got since `reset`. */
  readonly records: number
  /** Of the reader process that was the busiest: where it is near 1, the readers are what is measured. */
  readonly load: number
}

export class Readers {
  readonly #children: readonly Child<ReadersRequest, ReadersReply>[]

  private constructor(children: readonly Child<ReadersRequest, ReadersReply>[]) {
    this.#children = children
  }

  static async start(
    { signal }: Context,
    given: Omit<ReadersArguments, 'part' | 'parts'> & { readonly dialect: Dialect },
  ): Promise<Readers> {
    const parts = given.readers < 8 ? 1 : READER_PROCESSES
    const children = Array.from({ length: parts }, (_, part) => {
      const all: ReadersArguments = { ...given, part, parts }
      return new Child<ReadersRequest, ReadersReply>(READERS, [JSON.stringify(all)], {
        signal,
        core: 1 + part,
      })
    })
    const readers = new Readers(children)
    try {
      await Promise.all(children.map((child) => child.reply('ready', STARTING)))
      return readers
    } catch (error) {
      await readers.end()
      throw error
    }
  }

  /** Resolves when every reader has so many records. @throws {TooSlow} */
  async expect(records: number, seconds: number): Promise<void> {
    await Promise.all(this.#children.map((child) => child.ask({ type: 'expect', records }, 'done', seconds)))
  }

  reset(): void {
    for (const child of this.#children) child.send({ type: 'reset' })
  }

  async collect(): Promise<Collected> {
    const all = await Promise.all(
      this.#children.map((child) => child.ask({ type: 'collect' }, 'collected', STARTING)),
    )
    const latencies = new Latencies()
    for (const { counts } of all) latencies.merge(new Latencies(counts))
    const records = all.reduce((sum, one) => sum + one.records, 0)
    return { latencies, records, load: Math.max(...all.map(({ load }) => load)) }
  }

  async join(records: number, times: number): Promise<readonly Join[]> {
    const joined = await this.#children[0]?.ask({ type: 'join', records, times }, 'joined', STARTING)
    return joined?.joins ?? []
  }

  async end(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end()))
  }
}

/** The figures of delivery, of so many delivered records. */
export function deliveryValues(
  delivered: number,
  wallMs: number,
  usage: Usage,
  { latencies, load }: Collected,
): Values {
  return {
    cpu: usage.cpuMicros / delivered,
    p50: latencies.percentileMs(0.5),
    p99: latencies.percentileMs(0.99),
    core: usage.cpuMicros / 1000 / wallMs,
    kernel: 1 - usage.userMicros / usage.cpuMicros,
    rss: usage.rss / 1024 / 1024,
    perSecond: (delivered / wallMs) * 1000,
    readers: load,
    // Only for the results: what /proc says beside what the process was told.
    ...(Number.isFinite(usage.systemMicros) && { procShare: usage.systemMicros / usage.cpuMicros }),
  }
}
