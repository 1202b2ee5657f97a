/**
 * The servers of a Redis Cluster. Each has a connection for requests and one for subscriptions. The map of slots is
 * requested at first use, and again when a server says that a key has moved.
 *
 * Invariant: a request refused as moved was not executed, and is sent again to the right server.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HostSettings, RedisAddress } from '../../../redis/hosts.ts'
import { RedisRefusedError, type Reply } from '../../../redis/open-client.ts'
import type { UnfitRedisError } from '../../../redis/unfit.ts'
import { StoreError } from '../../errors.ts'
import { OneServer, type OneServerOptions } from './one-server.ts'
import type { Ask, Servers } from './servers.ts'
import { SLOTS, slotOf } from './slots.ts'
import { CONNECTION_ERRORS } from '../store-error.ts'

export interface ClusterOptions extends Omit<OneServerOptions, 'host' | 'onMoved'> {
  /** Some of its servers; credentials are the same for all. */
  readonly seeds: readonly HostSettings[]
}

/** Milliseconds between two attempts to find the server of a key. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 500

export class Cluster implements Servers {
  readonly ordered = false
  readonly #options: ClusterOptions
  readonly #servers = new Map<string, OneServer>()
  readonly #owners: (OneServer | undefined)[] = Array.from({ length: SLOTS })
  /** The server at which a channel is subscribed. */
  readonly #subscriptions = new Map<string, OneServer | undefined>()
  readonly #closing = new AbortController()
  #mapping: Promise<void> | undefined

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  async request(key: string, ask: Ask): Promise<Reply> {
    const slot = slotOf(key)
    const end = performance.now() + this.#options.timeoutMs
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        return await this.#ask(slot, key, ask)
      } catch (error) {
        await this.#afterRefusal(error)
        if (performance.now() >= end || this.#closing.signal.aborted) throw error
      }
      await sleep(pause, undefined, { signal: this.#closing.signal }).catch(() => undefined)
    }
  }

  get unfit(): UnfitRedisError | undefined {
    return this.#all().find((server) => server.unfit)?.unfit
  }

  async ping(): Promise<void> {
    if (this.#owners.includes(undefined)) await this.#map()
    const serving = new Set(this.#owners)
    if (serving.has(undefined))
      throw CONNECTION_ERRORS.unavailable('slots of the Cluster have no server', false)
    await Promise.all([...serving].map(async (server) => server?.ping()))
  }

  subscribe(channel: string): void {
    if (this.#subscriptions.has(channel)) return
    this.#subscriptions.set(channel, undefined)
    this.#place(channel)
  }

  unsubscribe(channel: string): void {
    this.#subscriptions.get(channel)?.unsubscribe(channel)
    this.#subscriptions.delete(channel)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#subscriptions.clear()
    await Promise.all([this.#mapping?.catch(() => undefined), ...this.#all().map((server) => server.close())])
  }

  #all(): OneServer[] {
    return [...this.#servers.values()]
  }

  /** Sends a request to the server of a slot, or to the target of a slot that is being moved. */
  async #ask(slot: number, key: string, ask: Ask): Promise<Reply> {
    const server = this.#owners[slot] ?? (await this.#find(slot))
    try {
      return await server.request(key, ask)
    } catch (error) {
      const refusal = refusalIn(error)
      if (refusal?.kind !== 'ASK') throw error
      return await this.#server(addressOf(refusal.message.split(' ')[2])).request(key, ask, ['ASKING'])
    }
  }

  /** Returns if the request should be repeated; throws other errors. */
  async #afterRefusal(error: unknown): Promise<void> {
    const refusal = refusalIn(error)
    switch (refusal?.kind) {
      case 'MOVED':
      case 'CLUSTERDOWN':
      case 'READONLY':
        return this.#map()
      case 'ASK':
      case 'TRYAGAIN':
        return undefined
      default:
        if (isClosed(error) && !this.#closing.signal.aborted) {
          throw CONNECTION_ERRORS.unavailable('a server has left the Cluster', true)
        }
        // An unavailable server may have been replaced. The request is not repeated.
        if (!refusal) this.#map().catch(() => undefined)
        throw error
    }
  }

  async #find(slot: number): Promise<OneServer> {
    await this.#map()
    const server = this.#owners[slot]
    if (!server) throw CONNECTION_ERRORS.unavailable('no server of the Cluster has the slot', false)
    return server
  }

  #map(): Promise<void> {
    this.#mapping ??= this.#readMap().finally(() => {
      this.#mapping = undefined
    })
    return this.#mapping
  }

  async #readMap(): Promise<void> {
    const known = [...this.#servers.keys()].map(addressOf)
    const places = [
      ...known.filter((address) => this.#servers.get(titleOf(address))?.ready),
      ...this.#seeds(),
      ...known,
    ]
    let failure: unknown
    for (const place of places) {
      if (this.#closing.signal.aborted) break
      try {
        const reply = await this.#server(place).request('', () => ['CLUSTER', 'SLOTS'])
        this.#take(reply as readonly Reply[], place)
        return
      } catch (error) {
        failure = error
      }
    }
    throw failure instanceof Error ? failure : CONNECTION_ERRORS.closed()
  }

  #seeds(): RedisAddress[] {
    return this.#options.seeds.map(({ host = 'localhost', port = 6379 }) => ({ host, port }))
  }

  #take(ranges: readonly Reply[], asked: RedisAddress): void {
    this.#owners.fill(undefined)
    for (const range of ranges) {
      const [from, to, master] = range as readonly [number, number, readonly Reply[]]
      // No name means the server that was asked.
      const host = String(master[0] ?? '') || asked.host
      this.#owners.fill(this.#server({ host, port: Number(master[1]) }), from, to + 1)
    }
    const serving = new Set(this.#owners)
    const seeds = new Set(this.#seeds().map(titleOf))
    for (const [title, server] of this.#servers) {
      if (serving.has(server) || seeds.has(title)) continue
      this.#servers.delete(title)
      void server.close()
    }
    for (const channel of this.#subscriptions.keys()) this.#place(channel)
  }

  /** Subscribes to a channel on its present server. */
  #place(channel: string): void {
    const owner = this.#owners[slotOf(channel)]
    const before = this.#subscriptions.get(channel)
    if (!owner) this.#mapSoon()
    if (!owner || owner === before) return
    before?.unsubscribe(channel)
    this.#subscriptions.set(channel, owner)
    owner.subscribe(channel)
  }

  #mapSoon(): void {
    if (this.#mapping || this.#closing.signal.aborted) return
    this.#map().catch(async () => {
      await sleep(LONGEST_PAUSE, undefined, { signal: this.#closing.signal, ref: false }).catch(
        () => undefined,
      )
      if (this.#subscriptions.size > 0) this.#mapSoon()
    })
  }

  #server(address: RedisAddress): OneServer {
    const title = titleOf(address)
    let server = this.#servers.get(title)
    if (!server) {
      const [seed] = this.#options.seeds
      server = new OneServer({
        ...this.#options,
        host: { ...seed, ...address, title },
        onMoved: (channel) => {
          if (!this.#subscriptions.has(channel)) return
          this.#subscriptions.set(channel, undefined)
          this.#owners[slotOf(channel)] = undefined
          this.#mapSoon()
        },
      })
      this.#servers.set(title, server)
    }
    return server
  }
}

function refusalIn(error: unknown): RedisRefusedError | undefined {
  return error instanceof Error && error.cause instanceof RedisRefusedError ? error.cause : undefined
}

function isClosed(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'closed'
}

function titleOf({ host, port }: RedisAddress): string {
  return `${host}:${port}`
}

/** `host:port`; an IPv6 host contains colons. */
function addressOf(text = ''): RedisAddress {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}
