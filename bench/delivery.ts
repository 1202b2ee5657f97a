/**
 * What delivery costs: server CPU time for each delivered record, from the operating system, and how
 * late records arrive; against bare `ws` in the same run. Ratios hold, absolutes do not.
 *
 *     node bench/delivery.ts                 every load
 *     node bench/delivery.ts 500             one load, by a part of its name
 *     node bench/delivery.ts --streams 6000  so many streams at 50 records/s, for finding the limit
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { ReadersReply, ReadersRequest } from './delivery/readers.ts'
import type { ServerReply, ServerRequest } from './delivery/server.ts'

interface Scenario {
  readonly name: string
  readonly streams: number
  readonly readersPerStream: number
  /** Records per second and stream; 0 for unpaced. */
  readonly rate: number
  /** Records per stream, for Millrace and for bare ws, which takes so much longer. */
  readonly records: readonly [number, number]
}

export interface Measurement {
  /** Microseconds. */
  readonly cpuPerRecord: number
  /** Of that, outside the kernel. */
  readonly userShare: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Share of one core that the server used. */
  readonly load: number
  /** And the readers of theirs: where it is near 1, they are what is measured. */
  readonly readersLoad: number
  readonly rssMiB: number
}

const SECONDS = 8

const paced = (streams: number): Scenario => ({
  name: `${streams} streams at 50/s`,
  streams,
  readersPerStream: 1,
  rate: 50,
  records: [50 * SECONDS, 50 * SECONDS],
})

const SCENARIOS: readonly Scenario[] = [
  { name: '1 -> 1 unpaced', streams: 1, readersPerStream: 1, rate: 0, records: [400_000, 200_000] },
  { name: '1 -> 100 unpaced', streams: 1, readersPerStream: 100, rate: 0, records: [50_000, 5000] },
  { name: '1 -> 1,000 unpaced', streams: 1, readersPerStream: 1000, rate: 0, records: [20_000, 500] },
  paced(500),
  paced(2000),
]

/** Seconds after which a measurement is given up. */
const TIMEOUT = 30

async function measure(kind: 'millrace' | 'ws', scenario: Scenario): Promise<Measurement> {
  const { streams, readersPerStream, rate } = scenario
  const records = scenario.records[kind === 'ws' ? 1 : 0]
  const warmUp = Math.ceil(records / 4)
  const server = start('server.ts', [kind, String(streams)], 0)
  const readers = start('readers.ts', [], 1)
  const timer = setTimeout(() => {
    server.kill('SIGKILL')
    readers.kill('SIGKILL')
  }, TIMEOUT * 1000)
  try {
    const { port } = await reply<ServerReply, 'listening'>(server, 'listening')
    readers.send({ port, streams, readersPerStream, records: warmUp + records } satisfies ReadersRequest)
    await reply<ReadersReply, 'ready'>(readers, 'ready')
    const done = reply<ReadersReply, 'done'>(readers, 'done')
    // Compilers and heaps settle first.
    const warm = reply<ServerReply, 'produced'>(server, 'produced')
    server.send({ type: 'produce', load: { streams, rate, records: warmUp } } satisfies ServerRequest)
    await warm
    server.send({ type: 'reset' } satisfies ServerRequest)
    readers.send({ type: 'reset' })
    const begun = performance.now()
    server.send({ type: 'produce', load: { streams, rate, records } } satisfies ServerRequest)
    const { latenciesMs, load: readersLoad } = await done
    const wallMs = performance.now() - begun
    const usage = reply<ServerReply, 'usage'>(server, 'usage')
    server.send({ type: 'usage' } satisfies ServerRequest)
    const { cpuMicros, userMicros, rss } = await usage
    const sorted = latenciesMs.toSorted((a, b) => a - b)
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
    return {
      cpuPerRecord: cpuMicros / (streams * readersPerStream * records),
      userShare: userMicros / cpuMicros,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      load: cpuMicros / 1000 / wallMs,
      readersLoad,
      rssMiB: rss / 1024 / 1024,
    }
  } finally {
    clearTimeout(timer)
    for (const child of [server, readers]) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
}

/** Each process has a core of its own, where there are two and the system can be told so. */
function start(file: string, args: readonly string[], core: number): ChildProcess {
  const path = fileURLToPath(new URL(`delivery/${file}`, import.meta.url))
  const pinned = process.platform === 'linux' && availableParallelism() > 1
  const [command, ...before] = pinned ? ['taskset', '-c', String(core), process.execPath] : [process.execPath]
  return spawn(command, [...before, path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

async function reply<Reply extends { type: string }, Type extends Reply['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<Reply, { type: Type }>> {
  return await new Promise((resolve, reject) => {
    const hear = (message: Reply): void => {
      if (message.type !== type) return
      child.off('message', hear).off('exit', fail)
      resolve(message as Extract<Reply, { type: Type }>)
    }
    const fail = (): void => reject(new Error(`a process ended before "${type}"`))
    child.on('message', hear).once('exit', fail)
  })
}

function row(cells: readonly (string | number)[]): string {
  const widths = [20, 10, 11, 6, 9, 9, 7, 8, 8]
  return cells
    .map((cell, index) =>
      (typeof cell === 'number' ? cell.toFixed(2) : cell)[index < 2 ? 'padEnd' : 'padStart'](
        widths[index] ?? 8,
      ),
    )
    .join(' ')
}

const [filter, count] = process.argv.slice(2)
const chosen =
  filter === '--streams'
    ? [paced(Number(count))]
    : SCENARIOS.filter(({ name }) => name.includes(filter ?? ''))
console.log(row(['load', 'server', 'us/record', 'user', 'p50 ms', 'p99 ms', 'core', 'readers', 'MiB']))
for (const scenario of chosen) {
  const results: Measurement[] = []
  for (const kind of ['ws', 'millrace'] as const) {
    if (kind === 'ws' && filter === '--streams') continue
    const result = await measure(kind, scenario).catch(() => undefined)
    if (!result) {
      console.log(row([scenario.name, kind, 'not in time']))
      continue
    }
    results.push(result)
    const { cpuPerRecord, userShare, p50Ms, p99Ms, load, readersLoad, rssMiB } = result
    console.log(row([scenario.name, kind, cpuPerRecord, userShare, p50Ms, p99Ms, load, readersLoad, rssMiB]))
  }
  const [bare, ours] = results
  if (bare && ours) console.log(row([scenario.name, 'ratio', ours.cpuPerRecord / bare.cpuPerRecord]))
}
