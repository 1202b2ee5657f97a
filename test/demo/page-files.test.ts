import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readPageFiles } from '../../src/demo/page-files.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-pages-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<p>page</p>')
  await writeFile(join(folder, 'assets', 'index-1.js'), 'code')
  await writeFile(join(folder, 'assets', 'unknown'), 'bytes')
  await symlink('/etc/hostname', join(folder, 'link'))
})

afterAll(() => rm(folder, { recursive: true }))

it('a folder is read once, and its files are there by their paths when it is gone', async () => {
  const files = readPageFiles(folder)
  await rm(join(folder, 'index.html'))
  const texts = [...files].map(([path, { body, type }]) => [path, [Buffer.from(body).toString(), type]])
  expect(Object.fromEntries(texts)).toEqual({
    '/assets/index-1.js': ['code', expect.stringContaining('javascript') as string],
    '/assets/unknown': ['bytes', 'application/octet-stream'],
    '/index.html': ['<p>page</p>', expect.stringContaining('text/html') as string],
  })
})
