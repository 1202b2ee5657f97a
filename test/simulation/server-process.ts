/** One server process of the simulated cluster: the real durable half and the real stream socket, on a faulty store. */
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { type Streaming, streaming } from '../../src/endpoints/streaming.ts'
import type { StartCommand } from '../../src/endpoints/start-handler.ts'
import type { Chats } from '../../src/chats/chats.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Json } from '../../src/protocol/json.ts'
import type { RunEnd } from '../../src/protocol/run-end.ts'
import type { Run, RunInfo, StartRequest } from '../../src/runs/run.ts'
import { streamSocket } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { proxyTrust } from '../../src/server/request/proxy-trust.ts'
import { RequestScope } from '../../src/server/request/request-scope.ts'
import { STREAM_SUBPROTOCOL } from '../../src/protocol/stream-frames.ts'
import { Chance } from '../chaos/chance.ts'
import { chatKind } from './chat-kind.ts'
import type { Cluster } from './cluster.ts'
import type { Faults } from './faults.ts'
import type { FaultyStore } from './faulty-store.ts'
import { Host } from './host.ts'
import { kindsOf, scripted } from './providers.ts'
import type { AskedScript, Temper, Watched } from './providers.ts'
import type { RemoteAt } from './remote.ts'
import type { Wire } from './wire.ts'

/** Lines of a log that no healthy process writes. */
const FAULTS = [
  'a store told of records out of order',
  'listener of a stream threw',
  'delivering a stream failed',
  'consumer failed',
  'frame could not be encoded',
  'readers of a run could not be counted',
]

/** What a small delivery may hold for its readers: little, so that it comes to its bounds. */
const SMALL = { batchSize: 256, pageSize: 512, recentSize: 1024, totalRecentSize: 1024, keptPagesSize: 1024 }
/** One record and one page more than the budget: what is taken in before anything can be let go. */
const SLACK = 1024

export interface ServerProcessOptions {
  readonly cluster: Cluster
  /** Its place in the cluster, and which process it is there. */
  readonly slot: number
  readonly life: number
  readonly tempers: readonly Temper[]
  /** Whether its delivery has little room. */
  readonly isSmall: boolean
}

export class ServerProcess {
  readonly host: Host
  readonly slot: number
  readonly store: FaultyStore
  readonly faults: Faults
  readonly streams: Streaming
  readonly delivery: Delivery
  readonly app: Application
  readonly wires = new Set<Wire>()
  #state: 'up' | 'leaving' | 'closed' | 'dead' = 'up'
  readonly #cluster: Cluster
  readonly #isSmall: boolean
  /** Generations that go on here. */
  readonly #endings: Chance
  readonly #remoteAt: RemoteAt
  readonly #generations = new Set<{ readonly run: string; readonly generation: number }>()

  constructor({ cluster, slot, life, tempers, isSmall }: ServerProcessOptions) {
    const { plan } = cluster
    const name = `p${slot}.${life}`
    this.slot = slot
    this.#cluster = cluster
    this.#isSmall = isSmall
    this.host = new Host(name, plan.seed)
    const caller = { name, die: () => this.dieAndComeBack() }
    this.#remoteAt = { upstream: cluster.upstream, caller }
    this.#endings = new Chance(plan.seed, `endings ${name}`)
    this.store = cluster.storeFor(this.host)
    this.faults = this.store.faults
    this.host.onDeath(() => this.#die())
    const logger = this.#logger()
    ;[this.streams, this.delivery, this.app] = this.host.call(() => {
      const streams = streaming({
        store: this.store,
        logger,
        holder: name,
        runs: kindsOf(
          tempers,
          (run) => this.#watch(run),
          cluster.planted === 'continued-though-it-cannot',
          plan.tells ? (info, end, signal) => this.#ended(info, end, signal) : undefined,
          this.#remoteAt,
        ),
        // Asks that nobody began become old in some.
        chats: {
          kinds: { chat: chatKind((run) => this.#watch(run)) },
          beginWithin: plan.leaseTtl === 2 ? 3 : 600,
          ...(cluster.messages && { history: cluster.messages.history }),
        },
        endedTimeout: 5,
        leaseTtl: plan.leaseTtl,
        shutdownGrace: plan.shutdownGrace,
        ...(plan.retention !== undefined && { retention: plan.retention }),
        limits: { silence: 120 },
      })
      const delivery = isSmall ? new Delivery({ store: this.store, logger, ...SMALL }) : streams.delivery
      const start = (command: StartCommand): Promise<Run> => this.start(command.id ?? '', command.input)
      const routes = [streamSocket('/ws/', { ...streams.services, delivery, start })]
      const app = new Application({ routes, channels: memoryChannels(), logger, streams })
      streams.open()
      return [streams, delivery, app]
    })
  }

  get name(): string {
    return this.host.name
  }

  /** Whether it takes part: it may stand still. */
  get up(): boolean {
    return this.#state === 'up'
  }

  get alive(): boolean {
    return this.#state === 'up' || this.#state === 'leaving'
  }

  /** Starts a run of a script, by its kind or, for one that nobody else can continue, by its provider. */
  start(id: string, input: Json): Promise<Run> {
    const script = input as unknown as AskedScript
    const request: StartRequest = { id, metadata: input, asked: input }
    if (!script.kind)
      return this.streams.runs.start(
        request,
        scripted(script, (run) => this.#watch(run), this.#remoteAt),
      )
    return this.streams.runs.start({ ...request, kind: script.temper, input })
  }

  get chats(): Chats {
    return this.app.chats
  }

  /** A client wants a connection. */
  connect(wire: Wire): void {
    this.host.run(() => void this.#admit(wire))
  }

  kill(): void {
    this.#cluster.trace(`${this.name} dies`)
    this.host.kill()
  }

  /** Shuts down as a server does: readers are sent away, runs are handed over. */
  async close(): Promise<void> {
    if (this.#state !== 'up') return
    this.#cluster.trace(`${this.name} shuts down`)
    this.#state = 'leaving'
    this.store.leaving = true
    for (const { session } of this.wires) session?.restart()
    if (this.#isSmall) this.delivery.close()
    await this.app.close()
    this.#state = 'closed'
    for (const wire of this.wires) wire.cut(1)
  }

  /** Tells the checker when delivery holds more than it may. */
  noteHeld(): void {
    const { totalRecentSize, keptPagesSize } = SMALL
    const atMost = totalRecentSize + keptPagesSize + SLACK
    const bytes = this.#isSmall ? this.delivery.held : 0
    if (bytes > atMost) this.#cluster.note({ type: 'held', by: this.name, bytes, atMost })
  }

  /** What is left of a process that has closed. */
  leftovers(): string[] {
    const timers = [...this.host.timers.values()].map(({ name }) => name)
    return [
      ...timers,
      ...(this.store.watched.length > 0 ? [`watches of ${this.store.watched.join(' and ')}`] : []),
      ...(this.delivery.streams > 0 ? [`${this.delivery.streams} streams that are delivered`] : []),
      ...(this.streams.runs.active > 0 ? [`${this.streams.runs.active} runs`] : []),
      ...this.generating.map((run) => `a generation of ${run}`),
    ]
  }

  /** Runs of which a generation goes on here. */
  get generating(): readonly string[] {
    return Array.from(this.#generations, ({ run }) => run)
  }

  async #admit(wire: Wire): Promise<void> {
    // It came while the process stood still, and nobody listens any more.
    if (!this.up) return wire.cut(1)
    const scope = new RequestScope(
      'websocket',
      {
        method: 'GET',
        target: '/ws/',
        headers: { host: 'cluster', 'sec-websocket-protocol': STREAM_SUBPROTOCOL },
        peer: { address: '127.0.0.1', port: 0 },
        encrypted: false,
      },
      { rootPath: '', proxies: proxyTrust(false) },
    )
    const consumer = await this.app.admit(scope)
    const session = this.app.createSession(consumer, scope, wire)
    wire.session = session
    this.wires.add(wire)
    session.open()
    await session.finished
    this.wires.delete(wire)
  }

  #watch(run: string): ReturnType<Watched> {
    const generation = this.#cluster.nextGeneration(run)
    this.#cluster.coverage.add('generations')
    const one = { run, generation }
    this.#generations.add(one)
    this.#cluster.note({ type: 'generation-began', run, generation, by: this.name })
    const ended = (): void => {
      if (!this.#generations.delete(one)) return
      this.#cluster.note({ type: 'generation-ended', run, generation, by: this.name })
    }
    return { attempt: generation, ended, die: () => this.dieAndComeBack() }
  }

  /** What an application does when it is told of an end: it may be slow, fail, hang, or die of it. */
  async #ended({ id: stream, incarnation }: RunInfo, { status }: RunEnd, signal: AbortSignal): Promise<void> {
    const cluster = this.#cluster
    const call = cluster.nextCall()
    cluster.note({ type: 'ended-called', stream, incarnation, call, status, by: this.name })
    const over = (how: 'returned' | 'failed'): void =>
      cluster.note({ type: 'ended-over', stream, incarnation, call, how })
    const what = cluster.isCalm ? 0 : this.#endings.next()
    try {
      if (what > 0.5 && what < 0.75) await sleep(this.#endings.between(10, 3_000), undefined, { signal })
      else if (what > 0.75 && what < 0.85) throw new Error('it cannot be told now')
      else if (what > 0.85 && what < 0.92) await sleep(3_600_000, undefined, { signal })
      else if (what > 0.92) {
        this.dieAndComeBack()
        await new Promise(() => {})
      }
    } catch (error) {
      over('failed')
      throw error
    }
    over('returned')
  }

  /** It dies, and another one takes its place. */
  dieAndComeBack(): void {
    this.kill()
    this.#cluster.time.after(500, () => this.#cluster.boot(this.slot))
  }

  #die(): void {
    this.#state = 'dead'
    // What asked upstream is gone, and its connection with it.
    for (const one of this.#generations)
      this.#cluster.note({ type: 'generation-ended', ...one, by: this.name, died: true })
    this.#generations.clear()
    for (const wire of this.wires) wire.cut(1)
    this.wires.clear()
  }

  #logger(): Logger {
    const log = (level: string) => (fields: object, message: string) => {
      const { err } = fields as { readonly err?: Error }
      this.#cluster.trace(`${this.name} ${level}: ${message}${err ? ` (${err.message})` : ''}`)
      if (level === 'error' && FAULTS.includes(message.split(';')[0] ?? ''))
        this.#cluster.note({
          type: 'fault-logged',
          by: this.name,
          message: `${message} ${err?.message ?? ''}`,
        })
    }
    return { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') }
  }
}
