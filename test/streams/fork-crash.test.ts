/** A process that dies while it forks a stream. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it, vi } from 'vitest'
import { redis } from '../../src/streams/redis/open.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { temporaryFolder } from './harnesses.ts'

const FIXTURE = fileURLToPath(new URL('fixtures/fork-until-killed.ts', import.meta.url))
const RECORDS = 3000
const folder = temporaryFolder()
afterAll(() => folder.dispose())

async function fill(store: StreamStore): Promise<void> {
  await store.create('source')
  const records = Array.from({ length: 1000 }, (_, n) => JSON.stringify({ n, pad: 'x'.repeat(300) }))
  for (let n = 0; n < RECORDS; n += 1000) await store.append('source', { records })
}

/** The forks that were acknowledged until the process was killed, somewhere in the next one. */
async function killed(kind: string, where: string, forks: number, ms: number): Promise<string[]> {
  const child = spawn(process.execPath, [FIXTURE, kind, where], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === forks) setTimeout(() => child.kill('SIGKILL'), ms)
  }
  await closed
  return acknowledged
}

/** What was acknowledged is there, what is there is whole, and the id of the source is free once all of it is gone. */
async function expectWhole(store: StreamStore, acknowledged: readonly string[]): Promise<void> {
  const { streams } = await store.list({ prefix: 'fork', limit: 1000 })
  expect(streams.map(({ id }) => id)).toEqual(expect.arrayContaining([...acknowledged]))
  expect(streams.length).toBeLessThanOrEqual(acknowledged.length + 1)
  for (const { id, tail } of streams) {
    expect(tail.position).toBe(RECORDS + 1)
    let position = 0
    for (let upToDate = false; !upToDate;) {
      const page = await store.read(id, { position })
      if (page.outcome !== 'page') throw new Error(page.outcome)
      position += page.records.length
      ;({ upToDate } = page)
    }
    expect(position).toBe(RECORDS + 1)
  }
  expect(await store.delete('source')).toBe(true)
  expect(await store.isRetired('source')).toBe(true)
  for (const { id } of streams) expect(await store.delete(id)).toBe(true)
}

it('leaves whole forks in a SQLite file, and nothing else', { timeout: 60_000 }, async () => {
  const path = join(folder.path, 'forks.db')
  const store = openSqlite(path)
  await fill(store)
  await expectWhole(store, await killed('sqlite', path, 5, 0))
  await vi.waitFor(async () => expect((await store.create('source')).outcome).toBe('created'))
  await store.close()
})

describeWith(['redis'], 'on Redis', ({ redis: program }) => {
  it('leaves whole forks, and a word that is taken back', { timeout: 60_000 }, async () => {
    const server = await RedisServer.start(program)
    const { url } = server
    const store = redis({ url })
    await fill(store)
    // Each takes several slices: the kill comes in the middle of one.
    await expectWhole(store, await killed('redis', url, 5, 3))
    const later = redis({ url, clock: () => Date.now() + 700_000 })
    expect(await later.isRetired('source')).toBe(false)
    expect((await later.create('source')).outcome).toBe('created')
    await Promise.all([store.close(), later.close()])
    await server.stop()
  })
})
