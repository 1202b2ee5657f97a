/** Registers the same tests for every store, on a clock that moves when it is told. */
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamStoreHarness } from '../../src/conformance/stream-store-cases.ts'
import { memoryHarness, redisHarness, sqliteHarness, temporaryFolder } from '../streams/harnesses.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

export interface World {
  readonly store: StreamStore
  /** The same streams as another process sees them; where there is none, the store itself. */
  readonly elsewhere: StreamStore
  readonly advance: (milliseconds: number) => void
}

/** Opens the stores of one test; they are closed behind it. */
export type OpenWorld = () => World

export function onEachStore(body: (open: OpenWorld) => void): void {
  const stores: StreamStore[] = []
  const opener =
    (harnessOf: () => StreamStoreHarness): OpenWorld =>
    () => {
      const harness = harnessOf()
      const store = harness.make() as StreamStore
      const elsewhere = (harness.peer?.(store) as StreamStore | undefined) ?? store
      stores.push(store, elsewhere)
      return { store, elsewhere, advance: (milliseconds) => void harness.advance?.(milliseconds) }
    }
  const closeAll = async (): Promise<void> => {
    await Promise.all(stores.splice(0).map((store) => store.close()))
  }

  describe('in memory', () => {
    afterEach(closeAll)
    body(opener(memoryHarness))
  })

  describe('on SQLite', () => {
    const folder = temporaryFolder()
    const harness = sqliteHarness(folder.path)
    afterEach(closeAll)
    afterAll(folder.dispose)
    body(opener(() => harness))
  })

  describeWith(['redis'], 'on Redis', ({ redis }) => {
    let server: RedisServer
    beforeAll(async () => {
      server = await RedisServer.start(redis)
    })
    afterEach(closeAll)
    afterAll(() => server.stop())
    body(opener(() => redisHarness({ url: server.url })))
  })
}
