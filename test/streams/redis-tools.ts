/** What the tests of the Redis store share. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { hostSettings } from '../../src/redis/hosts.ts'
import { openClient, type RedisClient, type Reply } from '../../src/redis/open-client.ts'
import { START } from '../../src/protocol/offset.ts'
import type { Offset } from '../../src/protocol/offset.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { type RedisStoreOptions, redis } from '../../src/streams/redis/open.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import type { StreamEvent } from '../../src/streams/watching.ts'
import { RedisServer } from '../support/redis.ts'
import { newPrefix } from './harnesses.ts'

/** Long enough for a busy machine to connect, and short enough to wait for. */
export const FAST = { timeout: 1 } as const

/** A Redis with a file, started anew after each test, and stores on it that a test opens. */
export class StoresOnRedis {
  #server: RedisServer | undefined
  #admin: RedisClient | undefined
  readonly #stores: StreamStore[] = []
  /** What the keys of the present test's stores begin with. */
  prefix = ''

  /** Registers hooks: for the body of a `describe`. */
  constructor(program: string) {
    beforeAll(async () => {
      this.#server = await RedisServer.start(program, { persistent: true })
    })
    beforeEach(async () => {
      this.prefix = newPrefix()
      this.#admin = await connectTo(this.server)
    })
    afterEach(async () => {
      this.server.resume()
      await this.closeAll()
      this.#admin?.end()
      await this.server.kill()
      await this.server.run()
    })
    afterAll(() => this.server.stop())
  }

  get server(): RedisServer {
    if (!this.#server) throw new Error('The server was not started.')
    return this.#server
  }

  /** Asks the server past the stores. */
  admin(...args: readonly (string | Buffer)[]): Promise<Reply> {
    if (!this.#admin) throw new Error('No test runs.')
    return this.#admin.send(args)
  }

  open(options: RedisStoreOptions = {}): StreamStore {
    const store = redis({ url: this.server.url, prefix: this.prefix, ...options })
    this.#stores.push(store)
    return store
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#stores.splice(0).map((store) => store.close()))
  }
}

export async function connectTo(server: RedisServer): Promise<RedisClient> {
  const [host] = hostSettings(server.url)
  if (!host) throw new Error('no host')
  const { signal } = new AbortController()
  return openClient(host, { timeoutMs: 5000, signal, onLost: () => undefined })
}

export async function failure(call: Promise<unknown>): Promise<StoreError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StoreError)
  return error as StoreError
}

/** Tries again until it does not throw; the test's time is the limit. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

export async function recordsOf(store: StreamStore, id = 'stream'): Promise<readonly StreamRecord[]> {
  const page = await store.read(id, 'start')
  if (page.outcome !== 'page') throw new Error(page.outcome)
  return page.records
}

export interface Told {
  readonly records: StreamRecord[]
  closed: boolean
  gone: string | undefined
  place: Offset
  until(condition: () => boolean): Promise<void>
}

/** Watches `stream`, and checks that what is told is contiguous. */
export async function follow(store: StreamStore): Promise<Told> {
  let arrival = Promise.withResolvers<void>()
  const told: Told = {
    records: [],
    closed: false,
    gone: undefined,
    place: START,
    async until(condition) {
      while (!condition()) await arrival.promise
    },
  }
  const result = await store.watch('stream', (event: StreamEvent) => {
    if (event.type === 'gone') told.gone = event.reason
    else {
      expect(event.from).toEqual(told.place)
      told.place = event.next
      told.records.push(...event.records)
      told.closed = event.closed
    }
    arrival.resolve()
    arrival = Promise.withResolvers()
  })
  if (result.outcome !== 'watching') throw new Error(result.outcome)
  told.place = result.tail
  return told
}
