/**
 * A plain TCP balancer in front of several servers: it knows nothing of HTTP, nor of whether a server
 * lives. A connection goes to any of them; a server that refuses is passed over for the next one. On
 * command it cuts a connection, or lets nothing through to its client for a while.
 */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface TcpBalancerOptions {
  /** Ports of 127.0.0.1, asked for anew for each connection. */
  readonly backends: () => readonly number[]
  /** Which of so many backends is tried first; the others follow in their order. Default: in turn. */
  readonly pick?: (count: number) => number
}

interface Passage {
  readonly client: Socket
  /** None while a server is being looked for. */
  upstream?: Socket
  stalled: boolean
}

export class TcpBalancer {
  readonly #options: TcpBalancerOptions
  readonly #server = createServer((client) => this.#accept(client))
  readonly #open: Passage[] = []
  #turn = 0
  /** Backends that refused a connection, which then went to another one or to none. */
  refusals = 0

  private constructor(options: TcpBalancerOptions) {
    this.#options = options
  }

  static async start(options: TcpBalancerOptions): Promise<TcpBalancer> {
    const balancer = new TcpBalancer(options)
    await new Promise<void>((resolve) => balancer.#server.listen(0, '127.0.0.1', resolve))
    return balancer
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): number {
    return this.#open.length
  }

  /** Destroys the connection of this index, both sides of it. */
  cut(index: number): void {
    this.#open[index]?.client.destroy()
  }

  /** Passes nothing more on to the client of this index, as if it did not read. Returns the undo. */
  stall(index: number): () => void {
    const passage = this.#open[index]
    if (!passage || passage.stalled) return () => {}
    passage.stalled = true
    const { client, upstream } = passage
    upstream?.unpipe(client).pause()
    return () => {
      passage.stalled = false
      passage.upstream?.pipe(client)
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      for (const { client } of Array.from(this.#open)) client.destroy()
    })
  }

  #accept(client: Socket): void {
    const passage: Passage = { client, stalled: false }
    this.#open.push(passage)
    client.on('error', () => client.destroy())
    client.once('close', () => {
      this.#open.splice(this.#open.indexOf(passage), 1)
      passage.upstream?.destroy()
    })
    const ports = this.#options.backends()
    const first = this.#options.pick?.(ports.length) ?? this.#turn++ % Math.max(1, ports.length)
    this.#dial(passage, [...ports.slice(first), ...ports.slice(0, first)])
  }

  #dial(passage: Passage, [port, ...others]: readonly number[]): void {
    const { client } = passage
    if (client.destroyed) return
    if (port === undefined) return void client.destroy()
    const upstream = connect(port, '127.0.0.1')
    passage.upstream = upstream
    let connected = false
    upstream.once('connect', () => {
      connected = true
      client.pipe(upstream)
      if (!passage.stalled) upstream.pipe(client)
    })
    // A close follows.
    upstream.on('error', () => {})
    upstream.once('close', () => {
      if (connected || client.destroyed) return client.destroy()
      this.refusals++
      this.#dial(passage, others)
    })
  }
}
