import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Call, readTrace } from './strace.ts'

async function callsOf(...lines: readonly string[]): Promise<Call[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-trace-'))
  try {
    const file = join(folder, 'trace')
    await writeFile(file, lines.map((line) => `${line}\n`).join(''))
    return await Array.fromAsync(readTrace(file))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('A call is read with its arguments and its result', async () => {
  expect(await callsOf(String.raw`17  pwrite64(22, "\x61\x62", 2, 4096) = 2`)).toEqual([
    { name: 'pwrite64', args: ['22', Buffer.from('ab'), '2', '4096'], result: 2 },
  ])
})

test('A call during which another thread made one is read when it returns, as it was begun', async () => {
  const calls = await callsOf(
    '17  fsync(22 <unfinished ...>',
    '18  close(23)                         = 0',
    '17  <... fsync resumed>)              = 0',
    '17  pwrite64(22, "", 0, 8 <unfinished ...>',
    '17  <... pwrite64 resumed>)           = 0',
  )
  expect(calls).toEqual([
    { name: 'close', args: ['23'], result: 0 },
    { name: 'fsync', args: ['22'], result: 0 },
    { name: 'pwrite64', args: ['22', Buffer.alloc(0), '0', '8'], result: 0 },
  ])
})

test('A call that never returned is left out', async () => {
  expect(await callsOf('17  fsync(22 <unfinished ...>', '17  <... fsync resumed>)  = ?')).toEqual([])
})
