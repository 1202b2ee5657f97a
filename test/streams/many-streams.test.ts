/** 100,000 streams: what is asked often costs by what is asked for, and not by how many there are. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Runs } from '../../src/runs/runs.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { checkList } from '../../src/streams/bookkeeping/list-requests.ts'
import type { ListOptions } from '../../src/streams/listing.ts'
import type { CheckedList } from '../../src/streams/bookkeeping/list-requests.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import { listQuery } from '../../src/streams/sqlite/tables/list-query.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { RedisClient } from '../../src/redis/open-client.ts'
import { redis } from '../../src/streams/redis/open.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { temporaryFolder } from './harnesses.ts'
import { connectTo } from './redis-tools.ts'

const MANY = 100_000
const folder = temporaryFolder()
afterAll(() => folder.dispose())

/** What is asked while there are many streams, all of `svc`, half of them open and none of them leased. */
const ASKED: readonly [what: string, ids: readonly string[], options: ListOptions][] = [
  ['what an owner has leased', ['mine'], { owner: 'svc', leased: true }],
  ['what anybody has leased', ['mine'], { leased: true }],
  ['what is of nobody', ['free'], { owner: null }],
  ['what is of another owner', ['other'], { owner: 'ann' }],
]

async function createTheFew(store: StreamStore): Promise<void> {
  await store.create('mine', { owner: 'svc', lease: { holder: 'a', ttlMs: 60_000 } })
  await store.create('free')
  await store.create('other', { owner: 'ann' })
}

async function idsOf(store: StreamStore, options: ListOptions): Promise<string[]> {
  return (await store.list(options)).streams.map(({ id }) => id)
}

async function startOne(store: StreamStore): Promise<void> {
  const runs = new Runs({ store, logger: silentLogger })
  const run = await runs.start({ owner: 'svc' }, async function* () {
    yield 'x'
  })
  await run.end
  await runs.close()
}

describe('of 100,000 streams on SQLite', () => {
  const path = join(folder.path, 'many.db')

  async function withMany(work: (store: StreamStore, db: DatabaseSync) => Promise<void>): Promise<void> {
    const store = openSqlite(path)
    const db = new DatabaseSync(path)
    const there = db.prepare('SELECT count(*) AS n FROM streams').get()?.['n']
    if (there === 0) {
      db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})
        INSERT INTO streams (id, incarnation, content_type, owner, created_at, closed)
        SELECT 'run' || i, 'abcdefgh', 'application/json', 'svc', 0, i % 2 FROM n`)
      await createTheFew(store)
    }
    await work(store, db).finally(() => db.close())
    await store.close()
  }

  it.each(ASKED)('%s is found by an index of little else', async (_what, ids, options) => {
    await withMany(async (store, db) => {
      expect(await idsOf(store, options)).toEqual(ids)
      const { source, values } = listQuery(checkList(options) as CheckedList, 1)
      const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT key FROM ${source}`).all(...values)
      const steps = plan.map((row) => String(row['detail']))
      expect(steps[0]).toMatch(/INDEX streams_(leased|of_nobody|by_owner)/)
      // Rows that the index gives are few; a full one would be sorted, too.
      if (options.owner !== undefined) expect(steps.join()).not.toMatch(/SCAN|TEMP B-TREE/)
    })
  })

  it('a page of a list, from anywhere on, is read in its order', async () => {
    await withMany(async (store, db) => {
      db.exec(`INSERT INTO listed (stream, whose, list, place)
        SELECT key, 'svc', 'chats', key FROM streams WHERE owner = 'svc' AND leased = 0`)
      const page = await store.list({ owner: 'svc', listed: 'chats', after: '50001', limit: 2 })
      expect(page.streams.map(({ id }) => id)).toEqual(['run50000', 'run49999'])
      const plan = db
        .prepare(`EXPLAIN QUERY PLAN SELECT place, id FROM listed JOIN streams ON key = stream
          WHERE whose = 'svc' AND list = 'chats' AND place < 1000 ORDER BY place DESC`)
        .all()
      expect(plan.map((row) => String(row['detail']))).toEqual([
        'SEARCH listed USING COVERING INDEX listed_in_order (whose=? AND list=? AND place<?)',
        'SEARCH streams USING INTEGER PRIMARY KEY (rowid=?)',
      ])
      await store.create('chat', { owner: 'svc', listed: 'chats' })
      await store.append('run8', { records: ['1'] })
      const first = { owner: 'svc', listed: 'chats', limit: 2 }
      expect(await idsOf(store, first)).toEqual(['run8', 'chat'])
    })
  })

  it('the streams of an owner are counted as they come and go', async () => {
    await withMany(async (store, db) => {
      expect(await store.countOwned('svc', 2 * MANY)).toBeGreaterThan(MANY)
      expect(await store.countOwned('svc', 10)).toBe(10)
      const counted = db.prepare('SELECT owner, streams FROM owners ORDER BY owner').all()
      const there = db
        .prepare(
          `SELECT coalesce(owner, '') AS owner, count(*) AS streams FROM streams GROUP BY 1 ORDER BY 1`,
        )
        .all()
      expect(counted).toEqual(there)
    })
  })

  it('leases that are over are looked for among leases', async () => {
    await withMany(async (store, db) => {
      expect(await store.leases.expired()).toEqual([])
      const plan = db
        .prepare(`EXPLAIN QUERY PLAN SELECT s.id FROM leases l JOIN streams s ON s.key = l.stream
          WHERE l.expires_at BETWEEN 0 AND 1 ORDER BY l.expires_at, s.id LIMIT 100`)
        .all()
      expect(plan.map((row) => String(row['detail'])).join('; ')).toContain(
        'INDEX leases_by_end (expires_at>? AND expires_at<?)',
      )
    })
  })
})

/** Milliseconds of doing something some times over. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now()
  for (let n = 0; n < 5; n++) await work()
  return performance.now() - since
}

describe('of 100,000 streams in memory', () => {
  it('those that are asked for are found without a look at the others', async () => {
    const store = memory()
    const config = { owner: 'svc', listed: 'chats' }
    for (let n = 0; n < MANY; n++) await store.create(`run${n}`, config)
    await createTheFew(store)
    const looks = await costOf(async () => {
      for (const [, ids, options] of ASKED) expect(await idsOf(store, options)).toEqual(ids)
      expect(await idsOf(store, { owner: 'svc', after: 'run5', limit: 1 })).toEqual(['run50'])
      expect(await idsOf(store, { prefix: 'run99999' })).toEqual(['run99999'])
      const list = { owner: 'svc', listed: 'chats', limit: 1 }
      await store.append('run77', { records: ['1'] })
      expect(await idsOf(store, list)).toEqual(['run77'])
      expect(await idsOf(store, { ...list, after: '50001' })).toEqual(['run49999'])
      expect(await store.leases.expired()).toEqual([])
    })
    // Each of the 35 would take about as long as this one, which has to look at all of them.
    expect(looks).toBeLessThan(await costOf(() => store.list({ closed: true })))
    await store.close()
  })

  it('leases that are over are found without a look at those that are held', async () => {
    let now = 0
    const store = memory({ clock: () => now })
    for (let n = 0; n < 10_000; n++)
      await store.create(`run${n}`, { lease: { holder: 'a', ttlMs: 1000 + (n % 5000) } })
    now = 1000
    const looks = await costOf(async () => {
      const over = await store.leases.expired()
      expect(over.map(({ stream }) => stream)).toEqual(['run0', 'run5000'])
    })
    expect(looks).toBeLessThan(await costOf(() => store.list({ closed: true })))
    await store.close()
  })
})

describeWith(['redis'], 'of 100,000 streams on Redis', ({ redis: program }) => {
  let server: RedisServer
  let client: RedisClient

  beforeAll(async () => {
    server = await RedisServer.start(program)
    client = await connectTo(server)
  })
  afterAll(async () => {
    client.end()
    await server.stop()
  })

  /** As if so many had been created. */
  async function createMany(count: number): Promise<void> {
    const script = `for i = 1, tonumber(ARGV[2]) do
      local state = ARGV[1] .. ':stream:{run' .. i .. '}:state'
      redis.call('HSET', state, 'i', 'abcdefgh', 'c', 'application/json', 'm', 'application/json', 'k', 'json',
        'o', 'svc', 'b', '0')
      redis.call('HSETNX', state, 'n', '0')
      if i % 2 == 1 and i > 9 then redis.call('HSET', state, 'x', '1') else
        redis.call('ZADD', ARGV[1] .. ':{lists}:open', 0, 'run' .. i) end
      redis.call('ZADD', ARGV[1] .. ':{lists}:ids', 0, 'run' .. i)
      redis.call('ZADD', ARGV[1] .. ':{lists}:owners', 0, 'svc run' .. i)
      redis.call('HSET', state, 'j', 'svc chats')
      redis.call('ZADD', ARGV[1] .. ':{lists}:latest:svc chats', i, 'run' .. i)
    end`
    await client.send(['EVAL', script, '0', 'many', String(count)])
  }

  /** Commands that Redis is sent, and runs in scripts, while something is done. */
  async function commandsOf(work: () => Promise<unknown>): Promise<number> {
    const count = async (): Promise<number> => {
      const stats = String(await client.send(['INFO', 'commandstats']))
      return [...stats.matchAll(/calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0)
    }
    const before = await count()
    await work()
    return (await count()) - before
  }

  it('a look costs as much as of a hundred', async () => {
    const store = redis({ url: server.url, prefix: 'many', logger: silentLogger })
    await createMany(100)
    await createTheFew(store)
    const look = async (): Promise<void> => {
      for (const [, ids, options] of ASKED.filter(([, , { owner }]) => owner !== undefined))
        expect(await idsOf(store, options)).toEqual(ids)
      await store.leases.expired()
      await store.append('run8', { records: ['1'] })
      await store.append('run9', { records: ['1'] })
      const list = { owner: 'svc', listed: 'chats', limit: 3 }
      expect((await idsOf(store, list)).slice(0, 2)).toEqual(['run9', 'run8'])
      expect(await idsOf(store, { ...list, after: '50' })).toEqual(['run49', 'run48', 'run47'])
    }
    await look()
    const few = await commandsOf(look)
    const fewOfStart = await commandsOf(() => startOne(store))
    await createMany(MANY)
    // Takes what has ended since out of the list of what is leased: once for each.
    await look()
    expect(await commandsOf(look)).toBeLessThanOrEqual(few + 2)
    expect(await commandsOf(() => startOne(store))).toBeLessThanOrEqual(fewOfStart + 10)
    await store.close()
  })
})
