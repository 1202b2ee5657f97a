import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { silentLogger } from '../../../src/logging/logger.ts'
import { decodeOffset } from '../../../src/protocol/offset.ts'
import { StoreError } from '../../../src/streams/errors.ts'
import { migrate, openSqlite } from '../../../src/streams/sqlite/store.ts'
import type { SqliteOptions } from '../../../src/streams/sqlite/options.ts'
import { SCHEMA_VERSION, STEPS } from '../../../src/streams/sqlite/tables/schema.ts'
import { SqliteFollower } from '../../../src/streams/sqlite/following/follower.ts'
import { RecordTable } from '../../../src/streams/sqlite/tables/record-table.ts'
import type { StreamStore } from '../../../src/streams/store.ts'
import { streamStoreCases } from '../../../src/conformance/stream-store-cases.ts'
import { sqliteHarness, temporaryFolder } from '../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

/** Opens the store at its argument, and prints `ok` or the error. */
const fixture = fileURLToPath(new URL('../fixtures/open-store.ts', import.meta.url))

let files = 0
let path: string
const opened: StreamStore[] = []

beforeEach(() => {
  path = join(folder.path, `file-${++files}.db`)
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

function open(options: SqliteOptions = {}, file = path): StreamStore {
  const store = openSqlite(file, options)
  opened.push(store)
  return store
}

/** Whether every folder on the way may be entered by everybody. */
function isReachableByAll(file: string): boolean {
  const above = dirname(file)
  return (statSync(above).mode & 0o001) !== 0 && (above === dirname(above) || isReachableByAll(above))
}

function succeeds(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch {
    return false
  }
}

/** What the call rejects or throws with. */
async function failure(call: () => unknown): Promise<StoreError> {
  try {
    await call()
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError)
    return error as StoreError
  }
  throw new Error('the call succeeded')
}

async function count(store: StreamStore, id: string): Promise<number> {
  return (await store.head(id))?.tail.position ?? -1
}

describe('the cases of every stream store', () => {
  for (const [n, storeCase] of streamStoreCases.entries()) {
    it(`${storeCase.rules.join(', ')}: ${storeCase.name}`, async () => {
      const place = join(folder.path, String(n))
      mkdirSync(place)
      await storeCase.run(sqliteHarness(place))
    })
  }
})

describe('opening', () => {
  it('creates the file, for its owner only, and the folders it is in', async () => {
    const deep = join(folder.path, 'some', 'folder', 'streams.db')
    const store = open({}, deep)
    await store.create('stream')
    for (const file of [deep, `${deep}-wal`, `${deep}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('is durable against a loss of power, and says so', () => {
    const store = open()
    expect(store.durability).toBe('power')
    const db = new DatabaseSync(path)
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    db.close()
  })

  it('leaves no log behind when it is closed', async () => {
    const store = open()
    await store.create('stream')
    await store.close()
    expect(() => statSync(`${path}-wal`)).toThrow('ENOENT')
  })

  it.each([
    [
      'text',
      'not a database at all, but long enough to have a header, which this text is as well'.repeat(20),
    ],
    ['bytes', Buffer.alloc(8192, 7)],
  ])('refuses a file of %s', async (_what, content) => {
    writeFileSync(path, content)
    const error = await failure(() => open())
    expect(error.code).toBe('not_a_store')
    expect(error.message).toBe(
      `The stream store ${path} is not a stream store: the file holds something else`,
    )
    expect(readFileSync(path)).toEqual(Buffer.from(content))
  })

  it("refuses another application's database, and leaves it as it is", async () => {
    const db = new DatabaseSync(path)
    db.exec('CREATE TABLE streams (mine TEXT); PRAGMA user_version = 1')
    db.close()
    expect((await failure(() => open())).code).toBe('not_a_store')
    expect((await failure(() => migrate(path))).code).toBe('not_a_store')
    const after = new DatabaseSync(path)
    expect(after.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'streams' }])
    after.close()
  })

  it('refuses what a newer version wrote', async () => {
    migrate(path)
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 999')
    db.close()
    const error = await failure(() => open())
    expect(error.code).toBe('newer_version')
    expect(error.message).toBe(
      `The stream store ${path} was written by a newer version of Millrace: upgrade this one (its schema is 999, this one knows ${SCHEMA_VERSION})`,
    )
    expect((await failure(() => migrate(path))).code).toBe('newer_version')
  })

  it('leaves what a newer version brings over while it is open alone, and says so', async () => {
    const store = open()
    await store.create('stream', { records: ['1'] })
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 999')
    db.close()
    for (const act of [
      () => store.append('stream', { records: ['2'] }),
      () => store.read('stream', 'start'),
      () => store.sweep(),
      () => store.append('stream', { records: ['3'] }),
    ]) {
      expect((await failure(act)).code).toBe('newer_version')
    }
    const after = new DatabaseSync(path)
    expect(after.prepare('SELECT count(*) AS n FROM records').get()).toEqual({ n: 1 })
    after.close()
  })

  it('refuses a folder, and a path that leads through a file', async () => {
    expect((await failure(() => open({}, folder.path))).code).toBe('cannot_open')
    writeFileSync(path, '')
    expect((await failure(() => open({}, join(path, 'streams.db')))).code).toBe('cannot_open')
  })

  it.each(['', ':memory:', 'file:streams.db?mode=memory', 'a\0b'])(
    'refuses %j, of which SQLite would keep nothing, and makes no file of that name',
    async (name) => {
      const from = process.cwd()
      const empty = join(folder.path, `empty-${++files}`)
      mkdirSync(empty)
      process.chdir(empty)
      onTestFinished(() => process.chdir(from))
      for (const attempt of [() => open({}, name), () => migrate(name)]) {
        const error = await failure(attempt)
        expect(error.code).toBe('cannot_open')
        expect(error.message).toContain('it is not the path of a file')
      }
      expect(readdirSync(empty)).toEqual([])
    },
  )

  it('refuses a file that it may not write', (context) => {
    // Nobody can take rights from root: as root, the attempt is made as somebody else.
    const asRoot = process.getuid?.() === 0
    const hidden = asRoot && ![fixture, process.execPath].every(isReachableByAll)
    context.skip(hidden, 'it runs as root, from a folder that no other user may enter')
    const place = join(folder.path, 'read-only')
    mkdirSync(place)
    const file = join(place, 'streams.db')
    migrate(file)
    chmodSync(file, 0o444)
    chmodSync(place, 0o555)
    chmodSync(folder.path, 0o755)
    const asWho = asRoot ? { uid: 65_534, gid: 65_534 } : {}
    const output = execFileSync(process.execPath, [fixture, file], { ...asWho, encoding: 'utf8' })
    chmodSync(place, 0o755)
    expect(output).toMatch(/^read_only The stream store .* may be read but not written/)
  })

  it('refuses a file on a disk that is mounted read-only', (context) => {
    const place = join(folder.path, 'mounted')
    mkdirSync(place)
    // A disk of its own, which nobody outside this command sees.
    const inNamespace = (script: string): string =>
      execFileSync('unshare', ['--map-root-user', '--mount', 'sh', '-ec', script], {
        env: { ...process.env, place, node: process.execPath, fixture },
        encoding: 'utf8',
        stdio: 'pipe',
      })
    const mount = 'mount -t tmpfs disk "$place"'
    context.skip(!succeeds(() => inNamespace(mount)), 'no disk may be mounted here')
    const run = '"$node" "$fixture" "$place/streams.db"'
    const output = inNamespace(`${mount}; ${run} >&2; mount -o remount,ro "$place"; ${run}`)
    expect(output).toMatch(/^read_only The stream store .* how its disk is mounted$/)
  })

  it('refuses limits and times that are none', () => {
    expect(() => openSqlite(path, { limits: { recordBytes: 0 } })).toThrow('recordBytes')
    expect(() => openSqlite(path, { followInterval: 0 })).toThrow('followInterval')
    expect(() => openSqlite(path, { lockTimeout: -1 })).toThrow('lockTimeout')
  })
})

describe('migrate', () => {
  it('creates the schema, and finds it there the second time', () => {
    expect(migrate(path)).toEqual({ from: 0, to: SCHEMA_VERSION })
    expect(migrate(path)).toEqual({ from: SCHEMA_VERSION, to: SCHEMA_VERSION })
  })

  it('leaves the offsets of records from before stamps good ones', async () => {
    const db = new DatabaseSync(path)
    for (const step of STEPS.slice(0, 3)) db.exec(step)
    db.exec(`PRAGMA application_id = 0x4d696c6c; PRAGMA user_version = 3;
      INSERT INTO streams (key, id, incarnation, content_type, created_at, closed)
        VALUES (7, 'old', 'k3j9x2a1bc', 'application/json', 1, 0);
      INSERT INTO records (place, data) VALUES ((7 << 32) | 1, '1'), ((7 << 32) | 2, '2')`)
    db.close()
    const store = open()
    const result = await store.append('old', { records: ['3'] })
    const offset = result.outcome === 'appended' ? result.offset : expect.fail(result.outcome)
    const old = decodeOffset('0000000000000001_k3j9x2a1bc')
    expect(await store.read('old', old)).toMatchObject({ from: old, next: offset, records: ['2', '3'] })
    expect(await store.read('old', { ...old, stamp: 'k3j9x2a1bd' })).toEqual({ outcome: 'lost' })
    expect(await store.read('old', { ...offset, stamp: 'k3j9x2a1bc' })).toEqual({ outcome: 'lost' })
  })

  it('is done by whoever opens the store', () => {
    open()
    expect(migrate(path)).toEqual({ from: SCHEMA_VERSION, to: SCHEMA_VERSION })
  })
})

describe('a full disk', () => {
  it('fails the appends that do not fit, keeps what was acknowledged, and goes on when there is room', async () => {
    const store = open({ maxFileBytes: 400_000 })
    await store.create('rubbish', { records: [`"${'x'.repeat(200_000)}"`] })
    await store.create('stream')
    const record = `"${'y'.repeat(20_000)}"`
    let acknowledged = 0
    let failed: StoreError | undefined
    while (!failed) {
      const seq = acknowledged
      const producer = { id: 'p', epoch: 0, seq }
      const results = await Promise.allSettled([
        store.append('stream', { records: [record], producer }),
        store.append('stream', { records: [record], producer: { ...producer, seq: seq + 1 } }),
      ])
      for (const result of results) {
        if (result.status === 'fulfilled') acknowledged += result.value.outcome === 'appended' ? 1 : 0
        else failed = result.reason as StoreError
      }
    }
    expect(failed.code).toBe('full')
    expect(failed.message).toContain('is full: free space on its disk; deleting streams makes room under a')
    expect(acknowledged).toBeGreaterThan(2)
    expect(await count(store, 'stream')).toBe(acknowledged)
    expect((await store.append('stream', { metadata: 'small' })).outcome).toBe('appended')

    await store.delete('rubbish')
    const next = { id: 'p', epoch: 0, seq: acknowledged }
    await vi.waitFor(async () => {
      expect((await store.append('stream', { records: [record], producer: next })).outcome).toBe('appended')
    })
    expect(await count(store, 'stream')).toBe(acknowledged + 1)
    expect((await store.append('stream', { records: [record], producer: next })).outcome).toBe('duplicate')
  })

  it('fails exactly the transaction that does not fit', async () => {
    const store = open({ maxFileBytes: 2_000_000 })
    await store.create('stream')
    const watched: number[] = []
    await store.watch('stream', (event) => event.type === 'append' && watched.push(event.records.length))
    // Larger than a transaction, so each append has one of its own.
    const large = `"${'x'.repeat(1_000_000)}"`
    const results = await Promise.allSettled([
      store.append('stream', { records: ['1'] }),
      store.append('stream', { records: [large, large] }),
      store.append('stream', { records: ['2'] }),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const page = await store.read('stream', 'start')
    expect(page).toMatchObject({ outcome: 'page', records: ['1', '2'] })
    expect(watched).toEqual([1, 1])
  })
})

describe('a write that SQLite refuses', () => {
  it('fails alone, and none of those in one transaction with it', async () => {
    const store = open()
    await store.create('stream')
    const other = new DatabaseSync(path)
    other.exec(`CREATE TRIGGER refusal BEFORE INSERT ON records WHEN new.data = '"bad"'
      BEGIN SELECT raise(ABORT, 'refused'); END`)
    other.close()
    const records = ['1', '2', '"bad"', '3', '"bad"', '4']
    const results = await Promise.allSettled(records.map((one) => store.append('stream', { records: [one] })))
    const failed = { status: 'rejected', reason: { code: 'failed' } }
    expect(results).toMatchObject(records.map((one) => (one === '"bad"' ? failed : { status: 'fulfilled' })))
    expect(await store.read('stream', 'start')).toMatchObject({ records: ['1', '2', '3', '4'] })
  })
})

describe('a file that another process holds', () => {
  it('is waited for, and written when it is free', async () => {
    const store = open()
    await store.create('stream')
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const append = store.append('stream', { records: ['1'] })
    expect(await count(store, 'stream')).toBe(0)
    other.exec('COMMIT')
    other.close()
    expect((await append).outcome).toBe('appended')
  })

  it('is given up after the timeout, while reads go on, and used again when it is free', async () => {
    const store = open({ lockTimeout: 0.05 })
    await store.create('stream', { records: ['1'] })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const error = await failure(() => store.append('stream', { records: ['2'] }))
    expect(error.code).toBe('locked')
    expect(error.message).toBe(`The stream store ${path} is locked by another process for too long`)
    expect(await count(store, 'stream')).toBe(1)
    other.exec('COMMIT')
    other.close()
    expect((await store.append('stream', { records: ['2'] })).outcome).toBe('appended')
    expect(await count(store, 'stream')).toBe(2)
  })

  it('lets an append be withdrawn by its signal', async () => {
    const store = open()
    await store.create('stream')
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const controller = new AbortController()
    const withdrawn = store.append('stream', { records: ['1'] }, controller.signal)
    const stays = store.append('stream', { records: ['2'] })
    const reason = new Error('gone home')
    controller.abort(reason)
    await expect(withdrawn).rejects.toBe(reason)
    other.exec('COMMIT')
    other.close()
    await stays
    expect(await store.read('stream', 'start')).toMatchObject({ records: ['2'] })
  })

  it('cannot be opened while it is held exclusively', async () => {
    migrate(path)
    const other = new DatabaseSync(path)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    expect((await failure(() => open({ lockTimeout: 0.03 }))).code).toBe('locked')
    other.close()
    await open().create('stream')
  })
})

describe('a damaged file', () => {
  it('is reported as corrupt, by whatever finds the damage', async () => {
    const store = open()
    await store.create('stream')
    for (let n = 0; n < 50; n++) await store.append('stream', { records: [`"${'x'.repeat(3000)}"`] })
    await store.close()
    const damaged = join(folder.path, 'damaged.db')
    copyFileSync(path, damaged)
    const file = openSync(damaged, 'r+')
    const size = statSync(damaged).size
    // The header and the schema stay as they are, so that the file opens.
    for (let page = 20; page * 4096 < size; page++)
      writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, page * 4096)
    closeSync(file)
    const reader = open({}, damaged)
    const error = await failure(() => reader.read('stream', 'start'))
    expect(error.code).toBe('corrupt')
    expect(error.message).toContain('is damaged')
    expect((await failure(() => reader.append('stream', { records: ['1'] }))).code).toBe('corrupt')
  })

  it('gives no record for one that is missing before it', async () => {
    const store = open()
    await store.create('stream', { records: ['0', '1', '2', '3'] })
    await store.close()
    const db = new DatabaseSync(path)
    db.exec('DELETE FROM records WHERE place IN (SELECT place FROM records ORDER BY place LIMIT 1 OFFSET 1)')
    db.close()
    const reader = open()
    expect((await failure(() => reader.read('stream', 'start'))).code).toBe('corrupt')
    expect((await failure(() => reader.read('stream', { position: 1 }))).code).toBe('corrupt')
    // Nor is a place proven by a record that is missing.
    expect((await failure(() => reader.read('stream', { position: 2 }))).code).toBe('corrupt')
    expect(await reader.read('stream', { position: 3 })).toMatchObject({ records: ['3'] })
  })

  it('takes nothing more once SQLite has found the damage, and goes on reading what is sound', async () => {
    await write('damaged', 'sound')
    damageLastPageOf('damaged')
    const store = open()
    expect((await store.append('sound', { records: ['1'] })).outcome).toBe('appended')
    expect(await store.check?.()).toBe(true)
    const told: unknown[] = []
    await store.watch('sound', (event) => event.type === 'append' && told.push(...event.records))
    const order = ['sound', 'damaged', 'sound']
    const results = await Promise.allSettled(order.map((id) => store.append(id, { records: ['2'] })))
    const refused = { status: 'rejected', reason: { code: 'corrupt' } }
    expect(results).toMatchObject([refused, refused, refused])
    for (const call of [
      () => store.append('sound', { records: ['3'] }),
      () => store.create('new'),
      () => store.delete('sound'),
      () => store.leases.acquire('sound', { holder: 'h', ttlMs: 1000 }),
      () => store.sweep(),
      () => store.check?.(),
    ]) {
      expect((await failure(call)).code).toBe('corrupt')
    }
    expect(await store.read('sound', 'start')).toMatchObject({ upToDate: true })
    expect(await count(store, 'sound')).toBe(41)
    expect(told).toEqual([])
  })

  it('takes nothing more when a read has found the damage either', async () => {
    await write('damaged', 'sound')
    damageLastPageOf('damaged')
    const store = open()
    expect((await failure(() => store.head('damaged'))).code).toBe('corrupt')
    expect((await failure(() => store.append('sound', { records: ['1'] }))).code).toBe('corrupt')
    expect(await count(store, 'sound')).toBe(40)
  })

  it('keeps no watcher of another stream from what other processes append', async () => {
    await write('damaged', 'sound')
    const store = open({ logger: silentLogger })
    const told: unknown[] = []
    await store.watch('damaged', () => {})
    await store.watch('sound', (event) => event.type === 'append' && told.push(...event.records))
    damageLastPageOf('damaged')
    await open().append('sound', { records: ['1'] })
    await vi.waitFor(() => expect(told).toEqual(['1']))
  })

  /** Makes streams of 40 records, in a file without a log beside it. */
  async function write(...ids: string[]): Promise<void> {
    const store = open()
    for (const id of ids) {
      await store.create(id)
      for (let n = 0; n < 40; n++) await store.append(id, { records: [`"${id.repeat(200)}"`] })
    }
    await store.close()
  }

  /** Overwrites the head of the page with the last record that `write` made of a stream. */
  function damageLastPageOf(id: string): void {
    const pageSize = 2048
    const content = readFileSync(path)
    let at = content.lastIndexOf(id.repeat(10))
    at -= at % pageSize
    const leafOfTable = 0x0d
    expect(content[at]).toBe(leafOfTable)
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(64, 0xff), 0, 64, at)
    closeSync(file)
  }
})

describe('deleted streams', () => {
  it('leave no rows behind, and what a crash left is removed by a sweep', async () => {
    const store = open()
    await store.create('stream', { lease: { holder: 'a', ttlMs: 1000 } })
    for (let n = 0; n < 3; n++) {
      const records = Array.from({ length: 1000 }, () => '1')
      await store.append('stream', { records, producer: { id: `p${n}`, epoch: 0, seq: 0 } })
    }
    await store.delete('stream')
    const db = new DatabaseSync(path)
    const rows = (): unknown =>
      db
        .prepare(`SELECT (SELECT count(*) FROM records) AS records, (SELECT count(*) FROM producers) AS producers,
          (SELECT count(*) FROM leases) AS leases, (SELECT count(*) FROM garbage) AS garbage`)
        .get()
    const nothing = { records: 0, producers: 0, leases: 0, garbage: 0 }
    await vi.waitFor(() => expect(rows()).toEqual(nothing))
    await store.close()

    db.exec("INSERT INTO garbage VALUES (77); INSERT INTO records VALUES ((77 << 32) | 1, '1', 1)")
    await open().sweep()
    await vi.waitFor(() => expect(rows()).toEqual(nothing))
    db.close()
  })
})

describe('the records of a deleted stream', () => {
  it('are removed a few large ones at a time, between the appends of others', async () => {
    const store = open()
    const large = `"${'x'.repeat(512 * 1024)}"`
    await store.create('large', { records: Array.from({ length: 16 }, () => large) })
    await store.create('other')
    const db = new DatabaseSync(path)
    const left = db.prepare('SELECT count(*) AS n FROM records WHERE octet_length(data) > 1000')
    await store.delete('large')
    const counts: number[] = []
    while (counts.at(-1) !== 0) {
      await store.append('other', { records: ['1'] })
      counts.push(Number(left.get()?.['n']))
    }
    db.close()
    const removed = counts.map((n, at) => (counts[at - 1] ?? 16) - n)
    // An append and a slice share a transaction, and each is 1 MiB.
    expect(Math.max(...removed)).toBeLessThanOrEqual(4)
  })
})

describe('a stream of a million records', () => {
  it('is read anywhere by its key, as every other table is', async () => {
    const statements = new Set<string>()
    const prepare = DatabaseSync.prototype.prepare
    const spy = vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (
      this: DatabaseSync,
      sql,
    ) {
      statements.add(sql)
      return prepare.call(this, sql)
    })
    const store = open()
    await store.create('before', { records: ['"before"'] })
    await store.create('long')
    await store.create('after', { records: ['"after"'], expiresAt: 9e15 })
    const db = new DatabaseSync(path)
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
      INSERT INTO records SELECT ((SELECT key FROM streams WHERE id = 'long') << 32) | i, CAST(i AS TEXT), 1 FROM n`)
    for (const position of [0, 1, 499_999, 999_990, 999_999]) {
      const page = await store.read('long', { position }, { maxRecords: 5 })
      const records = [1, 2, 3, 4, 5].map((n) => position + n).filter((n) => n <= 1_000_000)
      expect(page).toMatchObject({ records: records.map(String), upToDate: position > 999_990 })
    }
    expect((await store.append('long', { records: ['"last"'] })).outcome).toBe('appended')
    expect(await count(store, 'long')).toBe(1_000_001)
    expect(await count(store, 'before')).toBe(1)
    for (const options of [{}, { owner: 'anna' }, { closed: false }, { prefix: 'a' }])
      await store.list(options)
    await store.leases.expired()
    await store.sweep()
    spy.mockRestore()

    const plans = [...statements]
      .filter((sql) => /^(SELECT|DELETE|UPDATE|WITH)/.test(sql))
      .flatMap((sql) =>
        db
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all()
          .map((row) => `${String(row['detail'])} <- ${sql}`),
      )
    expect(plans.some((plan) => plan.startsWith('SEARCH records'))).toBe(true)
    const scans = plans.filter((plan) =>
      /^SCAN (?!garbage|trimmed|followers|sqlite_master|pragma_)/.test(plan),
    )
    // What brings ends in after the clock went back looks at everything, and says so.
    expect(scans.filter((plan) => !plan.includes('UPDATE streams SET expires_at = :now'))).toEqual([])
    db.close()
  })
})

describe('the timer that looks for other processes', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
  afterEach(() => vi.useRealTimers())

  it('runs while somebody watches, and no longer', async () => {
    const store = open()
    await store.create('a')
    await store.create('b')
    expect(vi.getTimerCount()).toBe(0)
    const watches = [await store.watch('a', () => {}), await store.watch('b', () => {})]
    expect(vi.getTimerCount()).toBe(1)
    for (const watch of watches) if (watch.outcome === 'watching') watch.stop()
    vi.advanceTimersByTime(100)
    expect(vi.getTimerCount()).toBe(0)
    await store.watch('a', () => {})
    expect(vi.getTimerCount()).toBe(1)
    await store.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('what other processes append', () => {
  it('is waited for by a process that has nothing else to do', async () => {
    const store = open()
    await store.create('stream')
    const waiting = fileURLToPath(new URL('../fixtures/wait-for-append.ts', import.meta.url))
    const child = spawn(process.execPath, [waiting, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill())
    let output = ''
    for await (const chunk of child.stdout) {
      output += String(chunk)
      if (output === 'watching') await store.append('stream', { records: ['1'] })
    }
    expect(output).toBe('watching 1')
  })

  it('is looked for in the streams that moved, and in no other', async () => {
    const store = open()
    const peer = open()
    const told: unknown[] = []
    for (let n = 0; n < 20; n++) {
      await store.create(`s${n}`)
      await store.watch(`s${n}`, (event) => event.type === 'append' && told.push(...event.records))
    }
    const reads = vi.spyOn(RecordTable.prototype, 'read')
    onTestFinished(() => reads.mockRestore())
    // The first change of another process has everything looked at, and once more when this one has joined it.
    const db = new DatabaseSync(path)
    await peer.create('elsewhere')
    await vi.waitFor(() => expect(db.prepare('SELECT 1 FROM followers').all()).toHaveLength(1))
    db.close()
    // The last one to be looked at.
    await peer.append('s19', { records: ['"joined"'] })
    await vi.waitFor(() => expect(told.splice(0)).toEqual(['"joined"']))
    reads.mockClear()
    await store.append('s3', { records: ['"own"'] })
    await peer.append('elsewhere', { records: ['"unwatched"'] })
    await peer.append('s7', { records: ['"of another"'] })
    await vi.waitFor(() => expect(told).toEqual(['"own"', '"of another"']))
    expect(reads.mock.calls.map(([{ id }]) => id)).toEqual(['s7'])
  })
})

describe('streams that were watched', () => {
  it('are forgotten also where no other process ever writes', async () => {
    const store = open()
    const add = vi.spyOn(SqliteFollower.prototype, 'follow')
    onTestFinished(() => add.mockRestore())
    for (let n = 0; n < 2500; n += 100) {
      const ids = Array.from({ length: 100 }, (_, i) => `s${n + i}`)
      await Promise.all(ids.map((id) => store.create(id)))
      for (const id of ids) {
        const watch = await store.watch(id, () => {})
        if (watch.outcome === 'watching') watch.stop()
      }
    }
    const follower = add.mock.contexts[0] as SqliteFollower
    expect(add.mock.calls).toHaveLength(2500)
    expect(follower.size).toBeLessThan(1100)
  })

  it('are watched anew from the moment when they are told to be gone', async () => {
    const store = open()
    const peer = open()
    const told: string[] = []
    const watch = (): Promise<unknown> =>
      store.watch('stream', (event) => {
        told.push(event.type === 'append' ? `${event.from.position} to ${event.next.position}` : event.type)
        if (event.type === 'gone') void watch()
      })
    await store.create('stream', { records: ['1', '2', '3'] })
    await watch()
    await Promise.all([peer.delete('stream'), peer.create('stream')])
    await vi.waitFor(() => expect(told).toEqual(['gone']))
    await peer.append('stream', { records: ['1', '2', '3'] })
    await vi.waitFor(() => expect(told).toEqual(['gone', '0 to 3']))
  })
})

describe('a store whose file fails while it is watched', () => {
  it('says so once, and tells what was missed when it can be read again', async () => {
    const warnings: string[] = []
    const warn = (_fields: object, message: string): void => void warnings.push(message)
    const store = open({ logger: { debug() {}, info() {}, warn, error() {} } })
    const peer = open()
    await store.create('stream')
    const told: unknown[] = []
    await store.watch('stream', (event) => event.type === 'append' && told.push(...event.records))
    const db = new DatabaseSync(path)
    db.exec('ALTER TABLE records RENAME TO hidden')
    db.exec("INSERT INTO changes (writer, streams) VALUES (0, '[1]')")
    await vi.waitFor(() => expect(warnings).toEqual(['stream store could not be read; trying again']))
    db.exec('ALTER TABLE hidden RENAME TO records')
    await peer.append('stream', { records: ['1'] })
    await vi.waitFor(() => expect(told).toEqual(['1']))
    expect(warnings).toHaveLength(1)
    db.close()
  })
})
