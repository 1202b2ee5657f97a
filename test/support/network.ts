/** The way to a server through a network that goes away and comes back. */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

/**
 * How it goes: `silent`, where nothing passes, as in a tunnel, and all that was sent arrives later; or `cut`, where
 * connections break as well and none can be made.
 */
export type Absence = 'silent' | 'cut'

export interface Network extends AsyncDisposable {
  readonly port: number
  leave(how: Absence): void
  comeBack(): void
  /** Brings new connections to another port. */
  lead(port: number): void
}

export async function startNetwork(port: number): Promise<Network> {
  let target = port
  let away: Absence | undefined
  const ways = new Set<Way>()
  const server = createServer((client) => {
    if (away === 'cut') return void client.destroy()
    const way = new Way(client, target, () => ways.delete(way))
    ways.add(way)
    if (away) way.pause()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const way of ways) way.end()
  }
  return {
    port: (server.address() as AddressInfo).port,
    leave: (how) => {
      away = how
      if (how === 'cut') cut()
      else for (const way of ways) way.pause()
    },
    comeBack: () => {
      away = undefined
      for (const way of ways) way.resume()
    },
    lead: (to) => {
      target = to
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}

/** One connection, both sides of it. */
class Way {
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #ended: () => void

  constructor(client: Socket, target: number, ended: () => void) {
    this.#client = client
    this.#upstream = connect(target, '127.0.0.1')
    this.#ended = ended
    for (const [from, to] of [
      [client, this.#upstream],
      [this.#upstream, client],
    ] as const) {
      from.on('data', (bytes) => void to.write(bytes))
      from.on('end', () => void to.end())
      from.on('error', () => this.end()).on('close', () => this.end())
    }
  }

  pause(): void {
    this.#client.pause()
    this.#upstream.pause()
  }

  resume(): void {
    this.#client.resume()
    this.#upstream.resume()
  }

  end(): void {
    this.#client.destroy()
    this.#upstream.destroy()
    this.#ended()
  }
}
