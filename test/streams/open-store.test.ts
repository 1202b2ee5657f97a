import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { StoreError } from '../../src/streams/errors.ts'
import { openStore, pathOfStore, storeFromEnvironment } from '../../src/streams/open-store.ts'
import { temporaryFolder } from './harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())
afterEach(() => vi.unstubAllEnvs())

describe('a place', () => {
  it.each([
    ['memory:', undefined],
    ['streams.db', 'streams.db'],
    ['/var/lib/app/streams.db', '/var/lib/app/streams.db'],
    ['sqlite:streams.db', 'streams.db'],
    ['SQLite:/var/lib/a:b.db', '/var/lib/a:b.db'],
    ['C:\\app\\streams.db', 'C:\\app\\streams.db'],
    ['memory', 'memory'],
  ])('%s is %s', (where, path) => {
    expect(pathOfStore(where)).toBe(path)
  })

  it.each([
    '',
    'sqlite:',
    ':memory:',
    'sqlite::memory:',
    'file:streams.db',
    'sqlite:file:streams.db',
    'postgres://host/db',
    'a\0b',
    'memory:x',
  ])('is not %j', (where) => {
    expect(() => pathOfStore(where)).toThrow(
      new RangeError('it takes memory:, a file path, sqlite:<path> or redis://…'),
    )
  })

  it.each(['redis://host', 'REDISS://user:hunter2@host/0', 'redis://'])(
    'is no path, but a Redis: %s',
    (where) => {
      expect(pathOfStore(where)).toBeUndefined()
    },
  )

  it.each(['redis://hunter2:x', 'rediss://user:hunter2@host/name'])('is no Redis: %s', (where) => {
    expect(() => pathOfStore(where)).toThrow(
      new RangeError('it takes a Redis as redis://host:6379/0, rediss:// for TLS'),
    )
  })
})

describe('opening', () => {
  it('keeps nothing in memory', async () => {
    await using store = closing(openStore('memory:'))
    expect(store.durability).toBe('none')
  })

  it('hides a folder of its own from version control, and no other', async () => {
    const own = join(folder.path, 'app', '.millrace', 'streams.db')
    const other = join(folder.path, 'data', 'streams.db')
    await using first = closing(openStore(own))
    await using second = closing(openStore(`sqlite:${other}`))
    expect([first.durability, second.durability]).toEqual(['power', 'power'])
    expect(readFileSync(join(folder.path, 'app', '.millrace', '.gitignore'), 'utf8')).toBe('*\n')
    expect(existsSync(join(folder.path, 'data', '.gitignore'))).toBe(false)
  })

  it('leaves a .gitignore of the user alone', async () => {
    const path = join(folder.path, 'kept', '.millrace', 'streams.db')
    await openStore(path).close()
    const ignore = join(folder.path, 'kept', '.millrace', '.gitignore')
    writeFileSync(ignore, 'streams.db*\n')
    await openStore(path).close()
    expect(readFileSync(ignore, 'utf8')).toBe('streams.db*\n')
  })
})

describe('the store of the environment', () => {
  it('is the one that MILLRACE_STORE names', async () => {
    const path = join(folder.path, 'named.db')
    vi.stubEnv('MILLRACE_STORE', path)
    await using store = closing(storeFromEnvironment())
    expect(store.durability).toBe('power')
    expect(existsSync(path)).toBe(false)
    await store.create('s')
    expect(existsSync(path)).toBe(true)
  })

  it('is a Redis, which is not waited for', async () => {
    vi.stubEnv('MILLRACE_STORE', 'redis://127.0.0.1:1')
    await using store = closing(storeFromEnvironment())
    expect(store.durability).toBe('process')
  })

  it('is the Redis of REDIS_URL where MILLRACE_STORE does not say', async () => {
    vi.stubEnv('MILLRACE_STORE', '')
    vi.stubEnv('REDIS_URL', 'redis://127.0.0.1:1')
    await using store = closing(storeFromEnvironment())
    expect(store.durability).toBe('process')
  })

  it('has the options it is given', async () => {
    vi.stubEnv('MILLRACE_STORE', 'memory:')
    await using store = closing(storeFromEnvironment({ limits: { recordBytes: 7 } }))
    expect(store.limits.recordBytes).toBe(7)
  })

  it('is refused by the name of the variable, without what it holds', () => {
    vi.stubEnv('MILLRACE_STORE', 'postgres://:hunter2@host')
    expect(() => storeFromEnvironment()).toThrow(/^MILLRACE_STORE names no store; it takes memory:, [^2]*$/)
  })

  it('refuses its first use when the file is something else', async () => {
    const path = join(folder.path, 'letter.txt')
    writeFileSync(path, 'Dear SQLite, this is not for you.'.repeat(40))
    vi.stubEnv('MILLRACE_STORE', path)
    await using store = closing(storeFromEnvironment())
    await expect(store.create('s')).rejects.toThrow(StoreError)
  })
})

function closing<T extends { close(): Promise<void> }>(store: T): T & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })
}
