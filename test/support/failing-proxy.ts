/**
 * A way to a server that breaks again and again: passes TCP connections on, and destroys each after so many bytes of the
 * server's as a seed says, in the middle of a frame as often as not.
 */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface FailingProxyOptions {
  /** Port of 127.0.0.1. */
  readonly target: number
  readonly seed: number
  /** Bytes that a connection passes on at least, and at most, before it is cut. */
  readonly least: number
  readonly most: number
  /** After so many cuts connections hold. */
  readonly cuts: number
}

export interface FailingProxy extends AsyncDisposable {
  readonly port: number
  /** How often it cut a connection. */
  readonly cuts: number
  /** How many connections there were. */
  readonly connections: number
}

export async function startFailingProxy(options: FailingProxyOptions): Promise<FailingProxy> {
  const { target, least, most } = options
  const random = seeded(options.seed)
  const open = new Set<Socket>()
  let cuts = 0
  let connections = 0
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let left = least + Math.floor(random() * (most - least))
    connections++
    open.add(client)
    const end = (): void => {
      open.delete(client)
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).on('close', end)
    upstream.on('error', end).on('close', end)
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      if (cuts >= options.cuts || bytes.length < left) {
        left -= bytes.length
        client.write(bytes)
        return
      }
      cuts++
      // What was written before a reset may be lost with it: that is as good a cut as any.
      client.write(bytes.subarray(0, left), () => client.resetAndDestroy())
      upstream.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    get cuts() {
      return cuts
    },
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
