/**
 * The network between the clients of a cluster and its servers: WebSockets, and the question over HTTP that a client
 * asks when none comes through. Who answers, and how far away it is, its chance draws.
 */
import { connect } from '../../src/client/index.ts'
import type { SocketLike } from '../../src/client/socket/platform-socket.ts'
import type { StreamClient } from '../../src/client/stream-client.ts'
import { decodeOffset } from '../../src/protocol/offset.ts'
import type { Json } from '../../src/protocol/json.ts'
import { readClientFrame, readServerFrame } from '../../src/protocol/stream-frames.ts'
import { Chance } from '../chaos/chance.ts'
import type { Cluster } from './cluster.ts'
import type { Host } from './host.ts'
import { mergedFrame } from './merged-frame.ts'
import { Wire } from './wire.ts'

/** Milliseconds of one way. */
const LATENCIES = [1, 1, 5, 40]
/** Milliseconds for which a laggard does not read after each frame. */
const LAG_MS = 10_000

export class Network {
  readonly wires: Wire[] = []
  readonly #cluster: Cluster
  readonly #chance: Chance
  readonly #questions: Chance
  /** What each number of a connection was asked for. */
  readonly #streams = new Map<string, string>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#chance = new Chance(cluster.plan.seed, 'network')
    this.#questions = new Chance(cluster.plan.seed, 'questions')
  }

  /** The real client, on this network. */
  client(host: Host): StreamClient {
    return connect('ws://cluster/ws/', {
      http: false,
      webSocket: () => this.#connect(host),
      fetch: (_, init) => this.#ask(host, init?.signal ?? undefined),
    })
  }

  /** A client connects to whoever answers. */
  #connect(client: Host): SocketLike {
    const { time, plan, ups, received } = this.#cluster
    const server = ups.length > 0 ? this.#chance.pick(ups) : undefined
    const name = `${client.name}#${this.wires.length}`
    const isLaggard = client.name.startsWith('laggard')
    const wire: Wire = new Wire({
      time,
      client,
      // Nobody answers: the client itself, which has no session, is as good as any.
      server: server?.host ?? client,
      latencyMs: this.#chance.pick(LATENCIES),
      sent: (text) => {
        this.#sent(name, text)
        if (isLaggard && !this.#cluster.isCalm) wire.stall(LAG_MS)
        return plan.merges ? mergedFrame(text) : text
      },
      received: (text) => {
        this.#asked(name, text)
        return received(text)
      },
    })
    this.wires.push(wire)
    if (server) time.after(1, () => server.connect(wire))
    else wire.cut(1)
    return wire.socket
  }

  /** A client asks over HTTP why it has no WebSocket: a server that is there wants one. */
  #ask(client: Host, signal: AbortSignal | undefined): Promise<Response> {
    const { time, ups } = this.#cluster
    const server = ups.length > 0 ? this.#questions.pick(ups) : undefined
    const latencyMs = this.#questions.pick(LATENCIES)
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void): void => time.after(latencyMs, () => client.run(settle))
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      time.after(latencyMs, () => {
        if (!server?.up) return answer(() => reject(new TypeError('fetch failed')))
        const error = { code: 'upgrade_required', message: 'This is a WebSocket.' }
        server.host.run(() => answer(() => resolve(Response.json({ error }, { status: 426 }))))
      })
    })
  }

  #asked(connection: string, text: string): void {
    const frame = readClientFrame(JSON.parse(text) as Json)
    if (frame.type === 'subscribe') this.#streams.set(`${connection} ${frame.sub}`, frame.stream)
  }

  /** Which frames a server sends: each number of a connection is a reader. */
  #sent(connection: string, text: string): void {
    const frame = readServerFrame(text)
    if (frame?.type === 'subscribed') {
      const { stamp, position } = decodeOffset(frame.offset)
      this.#given(`${connection} ${frame.sub}`, stamp, position, [])
    } else if (frame?.type === 'records') {
      const { position } = decodeOffset(frame.from)
      // In a store in memory it is that of the whole log.
      const { stamp } = decodeOffset(frame.offset)
      const records = frame.records.map((record) => JSON.stringify(record))
      this.#given(`${connection} ${frame.sub}`, stamp, position, records)
    }
  }

  #given(reader: string, incarnation: string, from: number, records: readonly string[]): void {
    const stream = this.#streams.get(reader) as string
    this.#cluster.note({ type: 'sent', reader, stream, incarnation, from, records })
  }
}
