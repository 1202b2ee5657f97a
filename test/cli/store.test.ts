import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test, vi } from 'vitest'
import { folderWith, millrace, serve } from './command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

const APP = `import { millrace, storeFromEnvironment, streaming } from 'millrace'
export default millrace({ streams: streaming({ store: storeFromEnvironment() }) })`

/** As if no test had said where. */
const DEFAULT = { MILLRACE_STORE: '' }

async function database(folder: string, name: string, sql: string): Promise<void> {
  const db = new DatabaseSync(join(folder, name))
  db.exec(sql)
  db.close()
}

describe('millrace serve keeps streams', () => {
  test('in a file of the working folder that version control does not see', async () => {
    const folder = await folderWith({})
    const running = await serve(['--log-format', 'pretty'], { folder, environment: DEFAULT })
    await running.printed(/^Streams are kept in \.millrace\/streams\.db, and survive a loss of power\.$/m)
    expect(existsSync(join(folder, '.millrace/streams.db'))).toBe(true)
    expect(readFileSync(join(folder, '.millrace/.gitignore'), 'utf8')).toBe('*\n')
  })

  test('in memory, where it is told to', async () => {
    const folder = await folderWith({})
    const running = await serve(['--store', 'memory:'], { folder, environment: DEFAULT })
    await running.printed(/"msg":"Streams are kept in memory, and end with this process\."/)
    expect(existsSync(join(folder, '.millrace'))).toBe(false)
  })

  test('where the flag says rather than the variable, for an application that asks', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const environment = { MILLRACE_STORE: 'variable.db' }
    const running = await serve(['app.ts', '--store', 'sqlite:flag.db'], { folder, environment })
    await running.printed(/The streams of app\.ts survive a loss of power\./)
    expect([existsSync(join(folder, 'flag.db')), existsSync(join(folder, 'variable.db'))]).toEqual([
      true,
      false,
    ])
  })

  test('where the variable says, for an application that asks', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    await serve(['app.ts'], { folder, environment: { MILLRACE_STORE: 'variable.db' } })
    expect(existsSync(join(folder, 'variable.db'))).toBe(true)
  })
})

describe('a store that cannot be used is one line and exit code 1', () => {
  const NEWER = 'PRAGMA application_id = 0x4d696c6c; PRAGMA user_version = 99; CREATE TABLE streams (x)'
  const cases: readonly [string, (folder: string) => Promise<void>, RegExp][] = [
    [
      'a file that is no database',
      (folder) => writeFile(join(folder, 'x.db'), 'no database '.repeat(100)),
      /x\.db is not a stream store: the file holds something else$/,
    ],
    [
      "another application's database",
      (folder) => database(folder, 'x.db', 'CREATE TABLE theirs (x)'),
      /x\.db is not a stream store: the file holds something else$/,
    ],
    [
      'one of a newer version',
      (folder) => database(folder, 'x.db', NEWER),
      /x\.db was written by a newer version of Millrace: upgrade this one \(its schema is 99, this one knows \d+\)$/,
    ],
    [
      'a damaged one',
      async (folder) => {
        await database(folder, 'whole.db', 'CREATE TABLE theirs (x)')
        await writeFile(join(folder, 'x.db'), readFileSync(join(folder, 'whole.db')).subarray(0, 100))
      },
      /x\.db is damaged: stop what uses it and restore a backup$/,
    ],
    [
      'a folder',
      (folder) => mkdir(join(folder, 'x.db')),
      /x\.db cannot be opened: check that its folder exists and may be written$/,
    ],
  ]

  test.each(cases)('%s', async (_what, prepare, line) => {
    const folder = await folderWith({})
    await prepare(folder)
    const options = { folder, environment: { MILLRACE_STORE: 'x.db' } }
    const commands = [['serve', '-p', '0'], ['migrate']]
    for (const { code, stdout, stderr } of await Promise.all(
      commands.map((args) => millrace(args, options)),
    )) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^millrace: The stream store .*\n$/)
      expect(stderr.trimEnd()).toMatch(line)
    }
  })

  test('that begins with the place in the file of an application', async () => {
    const folder = await folderWith({ 'app.ts': APP, 'x.db': 'no database '.repeat(100) })
    const args = ['serve', 'app.ts', '-p', '0', '--store', 'x.db']
    const { code, stderr } = await millrace(args, { folder })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^millrace: app\.ts:2: The stream store x\.db is not a stream store: .*\n$/)
  })

  test.each([
    [
      'redis://user:hunter2@host/x',
      '"redis://…@host/x"',
      'a Redis as redis://host:6379/0, rediss:// for TLS',
    ],
    ['postgres://host/db', '"postgres://host/db"', 'memory:, a file path, sqlite:<path> or redis://…'],
  ])('and one of a kind that there is not, exit code 2: %s', async (where, shown, takes) => {
    const line = `millrace: --store is ${shown}; it takes ${takes}\n`
    for (const command of ['serve', 'migrate']) {
      expect(await millrace([command, '--store', where])).toEqual({ code: 2, stdout: '', stderr: line })
    }
  })
})

describe('millrace migrate', () => {
  test('creates a store, and then has nothing to do', async () => {
    const folder = await folderWith({})
    const run = (): ReturnType<typeof millrace> => millrace(['migrate'], { folder, environment: DEFAULT })
    expect(await run()).toMatchObject({ code: 0, stderr: '' })
    expect(readFileSync(join(folder, '.millrace/.gitignore'), 'utf8')).toBe('*\n')
    expect((await run()).stdout).toMatch(/^\.millrace\/streams\.db is already up to date \(schema \d+\)\n$/)
  })

  test('says from which version to which', async () => {
    const folder = await folderWith({})
    const { stdout } = await millrace(['migrate', '--store', 'data/x.db'], { folder })
    expect(stdout).toMatch(/^data\/x\.db was created: schema 0 -> \d+\n$/)
  })

  test.each(['memory:', 'redis://127.0.0.1:1'])('has nothing to do in %s', async (store) => {
    const line = 'Nothing to migrate: only a store in a file has tables\n'
    expect(await millrace(['migrate', '--store', store])).toEqual({ code: 0, stdout: line, stderr: '' })
  })
})

test('an application with a store and a channel layer of its own is told that it follows no flag', async () => {
  const own = `import { millrace, sqlite } from 'millrace'
export default millrace({ store: sqlite('./own.db') })
`
  const folder = await folderWith({ 'own.ts': own, 'app.ts': APP })
  const flags = ['--store', 'x.db', '--channel-layer', 'memory:']
  const running = await serve(['own.ts', ...flags, '--workers', '2'], { folder })
  await running.printed(/--store changes nothing: own\.ts opens a store of its own/)
  await running.printed(/--channel-layer changes nothing: own\.ts/)
  const following = await serve(['app.ts', '--store', 'x.db'], { folder })
  await following.printed(/streams of app\.ts/)
  following.kill('SIGTERM')
  expect((await following.ended).stdout).not.toContain('changes nothing')
})
