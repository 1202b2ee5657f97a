/** How the loads on the channel layer are measured. */
import { fileURLToPath } from 'node:url'
import { Readers } from '../delivery/rig.ts'
import { Child } from '../harness/child.ts'
import { TooSlow, launch, printed } from '../harness/program.ts'
import type { Program } from '../harness/program.ts'
import { NotMeasured } from '../harness/load.ts'
import type { Context, Values } from '../harness/load.ts'
import type { FanOutReply } from './fan-out-server.ts'
import { LayerWorker } from './layer-worker.ts'
import { pathOf, withRedis } from './services.ts'

/** The seed's, or ours. */
export type Stack = 'seed' | 'millrace'

const FAN_OUT_SERVER = new URL('fan-out-server.ts', import.meta.url)

/** Messages that are sent before the receiver has to have them all. */
const ROUND = 500

/** From a sender in one process to a receiver in another, each through the layer's own API. */
export async function layerMessages(context: Context, stack: Stack, senders: number): Promise<Values> {
  const { seconds, signal } = context
  const python = stack === 'seed' ? pathOf('channels') : undefined
  return await withRedis(signal, [], async ({ url }) => {
    const receiver = await LayerWorker.start(url, python, { signal, core: 0 })
    let sender: LayerWorker | undefined
    try {
      sender = await LayerWorker.start(url, python, { signal, core: 1 })
      const channel = (await receiver.ask({ do: 'channel' })) ?? ''
      const deliver = async (count: number): Promise<void> => {
        const received = receiver.ask({ do: 'receive', channel, count })
        await Promise.all([sender?.ask({ do: 'send', channel, count, senders }), received])
      }
      await deliver(context.quick ? 20 : ROUND)
      const before = [sender.cpuMicros, receiver.cpuMicros] as const
      const begun = performance.now()
      let count = 0
      for (; performance.now() - begun < seconds * 1000; count += ROUND) await deliver(ROUND)
      const elapsed = (performance.now() - begun) / 1000
      const send = (sender.cpuMicros - before[0]) / count
      const receive = (receiver.cpuMicros - before[1]) / count
      return { perSecond: count / elapsed, cpu: send + receive, send, receive }
    } finally {
      await Promise.all([receiver.end(), sender?.end()])
    }
  })
}

/** Seconds in which both servers come to work as they do after a while; at twice the pace. */
const WARM_UP = 2

export interface FanOut {
  readonly sockets: number
  /** Messages to the group each second; 0 for rounds of as many as go at once. */
  readonly rate: number
}

/** Messages of a round: fewer than the hundred that a queue of the seed's stack holds. */
const ROUND_MOST = 50
/** And deliveries of a round, so that it takes a second or so there. */
const ROUND_DELIVERIES = 5000

/** A sender outside of both servers, the same for both; a group with so many sockets of one server. */
export async function groupFanOut(
  context: Context,
  stack: Stack,
  { sockets, rate }: FanOut,
): Promise<Values> {
  const { seconds, signal } = context
  const python = pathOf('channels')
  return await withRedis(signal, [], async ({ url }) => {
    const server = await (stack === 'seed'
      ? SeedServer.start(python, url, signal)
      : MillraceServer.start(context, url))
    let readers: Readers | undefined
    let sender: LayerWorker | undefined
    try {
      sender = await LayerWorker.start(url, undefined, { signal, core: 1 })
      const { port } = server
      readers = await Readers.start(context, { port, dialect: 'messages', streams: 1, readers: sockets })
      const group = new Group(sender, readers)
      const round = Math.min(ROUND_MOST, ROUND_DELIVERIES / sockets)
      const run = async (seconds: number, pace: number): Promise<void> => {
        if (pace > 0) return await group.send(Math.max(2, Math.round(pace * seconds)), pace)
        const until = performance.now() + seconds * 1000
        do await group.send(round, 0)
        while (performance.now() < until)
      }
      await run(Math.min(WARM_UP, seconds), 2 * rate)
      readers.reset()
      const warm = group.sent
      const before = server.cpuMicros
      const begun = performance.now()
      await run(seconds, rate)
      const elapsed = (performance.now() - begun) / 1000
      const delivered = (group.sent - warm) * sockets
      const cpu = (server.cpuMicros - before) / delivered
      const { latencies } = await readers.collect()
      return {
        cpu,
        p50: latencies.percentileMs(0.5),
        p99: latencies.percentileMs(0.99),
        perSecond: delivered / elapsed,
        core: (cpu * delivered) / 1e6 / elapsed,
      }
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error
      throw new NotMeasured('not every message arrived', { cause: error })
    } finally {
      await Promise.all([server.end(), readers?.end(), sender?.end()])
    }
  })
}

/** A group, its sender and its members. */
class Group {
  sent = 0
  readonly #sender: LayerWorker
  readonly #readers: Readers

  constructor(sender: LayerWorker, readers: Readers) {
    this.#sender = sender
    this.#readers = readers
  }

  /** Resolves when every member has every message. */
  async send(count: number, rate: number): Promise<void> {
    await this.#sender.ask({ do: 'pace', group: 'bench', rate, count })
    this.sent += count
    await this.#readers.expect(this.sent, 15)
  }
}

class SeedServer {
  readonly port: number
  readonly #program: Program

  private constructor(program: Program, port: number) {
    this.#program = program
    this.port = port
  }

  static async start(python: string, url: string, signal: AbortSignal): Promise<SeedServer> {
    const command = [
      python,
      '-m',
      'daphne',
      '-b',
      '127.0.0.1',
      '-p',
      '0',
      '--no-server-name',
      'seed_stack:application',
    ]
    const program = launch(
      command,
      { signal, core: 0 },
      {
        stdio: 'pipe',
        cwd: fileURLToPath(new URL('.', import.meta.url)),
        env: { ...process.env, MILLRACE_BENCH_REDIS: url, PYTHONDONTWRITEBYTECODE: '1' },
      },
    )
    try {
      const match = await printed(program, /Listening on TCP address 127\.0\.0\.1:(\d+)/, 30)
      return new SeedServer(program, Number(match[1]))
    } catch (error) {
      await program.end()
      throw error
    }
  }

  get cpuMicros(): number {
    return this.#program.cpuMicros
  }

  async end(): Promise<void> {
    await this.#program.end()
  }
}

class MillraceServer {
  readonly port: number
  readonly #child: Child<never, FanOutReply>
  readonly #quietly: boolean

  private constructor(child: Child<never, FanOutReply>, port: number, quietly: boolean) {
    this.#child = child
    this.port = port
    this.#quietly = quietly
  }

  static async start({ signal, profile }: Context, url: string): Promise<MillraceServer> {
    const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const child = new Child<never, FanOutReply>(FAN_OUT_SERVER, [url], { signal, core: 0, flags })
    try {
      const { port } = await child.reply('listening', 30)
      return new MillraceServer(child, port, profile !== undefined)
    } catch (error) {
      await child.end()
      throw error
    }
  }

  get cpuMicros(): number {
    return this.#child.cpuMicros
  }

  async end(): Promise<void> {
    await this.#child.end(this.#quietly)
  }
}
