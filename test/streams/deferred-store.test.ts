/** A SQLite store touches nothing before it is used. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sqlite } from '../../src/streams/sqlite/sqlite.ts'

/** The stack of an error of opening: that of the call which named the store. */
const NAMED_HERE =
  /^StoreError: The stream store .*\n(?:\s+at .*\/src\/.*\n)+\s+at .*deferred-store\.test\.ts:\d+/

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-deferred-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('is opened by what is first asked of it, a lease as well', async () => {
  const store = sqlite(join(folder, 'a', 'data.db'))
  expect([store.durability, store.limits.recordBytes]).toEqual(['power', 8 * 1024 * 1024])
  expect(readdirSync(folder)).toEqual([])
  expect(await store.leases.expired()).toEqual([])
  expect(existsSync(join(folder, 'a', 'data.db'))).toBe(true)
  await store.close()
})

it('has the address of its file, whatever the path to it', () => {
  const store = sqlite(join(folder, 'data.db'))
  expect(store.address).toBe(`sqlite:${join(folder, 'data.db')}`)
  expect(sqlite(join(folder, 'x', '..', 'data.db')).address).toBe(store.address)
})

it('rejects what finds its file unusable, and tries again', async () => {
  const path = join(folder, 'data.db')
  mkdirSync(path)
  const store = sqlite(path)
  const append = store.append('s', { records: ['1'] })
  await expect(append).rejects.toMatchObject({
    code: 'cannot_open',
    stack: expect.stringMatching(NAMED_HERE) as string,
  })
  rmSync(path, { recursive: true })
  writeFileSync(path, '')
  expect(await store.check?.()).toBe(true)
  await store.close()
})

it('stays closed, and without a file, when it is closed before it is used', async () => {
  const store = sqlite(join(folder, 'data.db'))
  await store.close()
  await expect(store.create('s')).rejects.toMatchObject({ code: 'closed' })
  expect(await store.check?.()).toBe(false)
  expect(readdirSync(folder)).toEqual([])
})
