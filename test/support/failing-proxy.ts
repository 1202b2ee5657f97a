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
  /** Whether it waits with all that until `fail` is called. Default: false. */
  readonly isPatient?: boolean
}

export interface FailingProxy extends AsyncDisposable {
  readonly port: number
  /** How often it cut a connection. */
  readonly cuts: number
  /** Begins to count bytes, if it waited with that. */
  fail(): void
}

export async function startFailingProxy(options: FailingProxyOptions): Promise<FailingProxy> {
  const { target, least, most } = options
  const random = seeded(options.seed)
  const open = new Set<Socket>()
  let cuts = 0
  let isFailing = options.isPatient !== true
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let left = least + Math.floor(random() * (most - least))
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
      if (!isFailing || cuts >= options.cuts || bytes.length < left) {
        if (isFailing) left -= bytes.length
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
    fail: () => void (isFailing = true),
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
