import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { folderWith, millrace, serve } from './command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

const APP = `import { http, millrace } from 'millrace'
export default millrace({ routes: [http('/', () => new Response(process.env.GREETING ?? 'none'))] })`

const body = async (url: string): Promise<string> => await (await fetch(url)).text()

describe('the file .env of the working directory', () => {
  test('sets variables of a command and of its application, but none that is set', async () => {
    const folder = await folderWith({
      'app.ts': APP,
      '.env': 'GREETING="from the file"\nMILLRACE_ROOT_PATH=/from-file\n',
    })
    const first = await serve(['app.ts'], { folder })
    expect(first.url).toContain('/from-file')
    expect(await body(first.url)).toBe('from the file')
    const second = await serve(['app.ts'], { folder, environment: { GREETING: 'from outside' } })
    expect(await body(second.url)).toBe('from outside')
  })

  test('counts from its first line on, also if an editor put a byte order mark in front', async () => {
    const folder = await folderWith({ 'app.ts': APP, '.env': "\uFEFFGREETING='marked'\r\nOTHER=1\r\n" })
    const { url } = await serve(['app.ts'], { folder })
    expect(await body(url)).toBe('marked')
  })

  test('is read again with --watch, when it changes', async () => {
    const folder = await folderWith({ 'app.ts': APP, '.env': 'GREETING=one\n' })
    const running = await serve(['app.ts', '--watch'], { folder })
    expect(await body(running.url)).toBe('one')
    await writeFile(join(folder, '.env'), 'GREETING=two\n')
    const [, url = ''] = await running.printed(/(?: is serving app\.ts on (http:[^\s"]+)[^]*?){2}/)
    expect(await body(url)).toBe('two')
  })

  test('that cannot be read is an error that says so', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    await mkdir(join(folder, '.env'))
    const { code, stderr } = await millrace(['serve', 'app.ts'], { folder })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^millrace: \.env cannot be read: EISDIR/)
  })
})
