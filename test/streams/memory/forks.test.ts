/** Forks in memory share what they inherit, and are so deep at most. */
import { expect, it } from 'vitest'
import { MAX_FORK_DEPTH } from '../../../src/streams/forks.ts'
import { memory } from '../../../src/streams/memory/store.ts'
import { ChunkPool } from '../../../src/streams/memory/chunk-pool.ts'
import { RecordLog } from '../../../src/streams/memory/record-log.ts'

it('are refused beyond a thousand of each other, and let go of all when the last one goes', async () => {
  const store = memory()
  await store.create('0', { records: ['1'] })
  for (let n = 1; n <= MAX_FORK_DEPTH; n++) {
    expect((await store.create(`${n}`, { from: { id: `${n - 1}` }, records: ['2'] })).outcome).toBe('created')
  }
  const beyond = await store.create('beyond', { from: { id: `${MAX_FORK_DEPTH}` } })
  expect(beyond).toEqual({ outcome: 'no-fork', reason: 'too-deep' })
  for (let n = 0; n <= MAX_FORK_DEPTH; n++) await store.delete(`${n}`)
  for (let n = 0; n <= MAX_FORK_DEPTH; n++) expect(await store.isRetired(`${n}`)).toBe(false)
})

it('give a chunk back once nobody has it', () => {
  const pool = new ChunkPool()
  const source = new RecordLog('json', pool)
  source.append(['1', '2', '3'], 3)
  const fork = new RecordLog('json', pool)
  fork.inherit(source, 2)
  source.append(['4'], 1)
  fork.append(['"own"'], 5)
  source.release()
  const other = new RecordLog('json', pool)
  other.append(['9', '9', '9', '9'], 4)
  expect(String(fork.read(0, 10, 1000).json)).toBe('1,2,"own"')
  fork.release()
  const [first, second] = [pool.take(1), pool.take(1)]
  expect(new Set([first.begin, second.begin]).size).toBe(2)
  expect(String(other.read(0, 10, 1000).json)).toBe('9,9,9,9')
})

it('do not write over what they share when an append fails', () => {
  const pool = new ChunkPool()
  const source = new RecordLog('json', pool)
  source.append(['1', '2'], 2)
  const fork = new RecordLog('json', pool)
  fork.inherit(source, 1)
  let looks = 0
  const poison = {
    get length(): number {
      if (++looks > 1) throw new Error('no memory')
      return 1
    },
  } as unknown as string
  expect(() => fork.append(['"a"', poison], 4)).toThrow('no memory')
  fork.append(['"b"'], 3)
  expect(String(source.read(0, 10, 1000).json)).toBe('1,2')
  expect(String(fork.read(0, 10, 1000).json)).toBe('1,"b"')
})
