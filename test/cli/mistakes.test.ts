/** The mistakes that people make first, and the one line that each gives: docs/troubleshooting.md has the lines. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type Outcome, folderWith, millrace, serve, start } from './command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

const ROOT = resolve(import.meta.dirname, '../..')

/** By the mistake: the line of the page. */
const LINES = new Map(
  [
    ...readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8').matchAll(/^\| (.+?) \| `([^|]+)` \|/gm),
  ].map(([, mistake = '', line = '']) => [mistake, line]),
)

function lineOf(mistake: string): string {
  const line = LINES.get(mistake)
  if (line === undefined) throw new Error(`docs/troubleshooting.md has no mistake "${mistake}"`)
  return line
}

test.each<[mistake: string, app: string | undefined, args?: readonly string[]]>([
  ['a wrong path', undefined],
  ['no default export', 'export const app = 1'],
  ['a store that is none', 'export {}', ['--store', 'postgres://db']],
  [
    'a wrong option',
    "import { millrace } from 'millrace'\nexport default millrace({ authentication: () => ({}) } as object)",
  ],
  [
    'an `await` forgotten before the application',
    "import { millrace } from 'millrace'\nexport default (async () => millrace())()",
  ],
  ['TypeScript that Node does not strip', 'enum Colour { Red }\nexport default Colour'],
])('%s', async (mistake, app, args = []) => {
  const folder = await folderWith(app === undefined ? {} : { 'app.ts': app })
  const { code, stderr } = await millrace(['serve', 'app.ts', ...args], { folder })
  expect(stderr).toBe(`${lineOf(mistake)}\n`)
  expect(code).not.toBe(0)
})

test('a port in use', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { stderr } = await millrace(['serve', '-p', String(port)])
  expect(stderr.replace(`:${port} `, ':8000 ')).toBe(`${lineOf('a port in use')}\n`)
})

test('a missing package', async () => {
  const outcomes = await serveWithoutPeers(
    "import 'millrace/openai'",
    "import 'millrace/ai-sdk'",
    "import 'millrace/react'",
    "import { redis } from 'millrace/redis'\nredis({ url: 'redis://127.0.0.1:1' })",
  )
  expect(outcomes).toEqual(
    [
      `${lineOf('a missing package')}\n`,
      'millrace: app.ts: millrace/ai-sdk needs the package ai: npm install ai\n',
      'millrace: app.ts: millrace/react needs the package react: npm install react\n',
      'millrace: app.ts:2: millrace/redis needs the package redis: npm install redis\n',
    ].map((stderr) => ({ code: 1, stdout: '', stderr })),
  )
})

test.each([
  ['a consumer that throws', "override receive() { throw new Error('no database') }"],
  [
    'an `await` forgotten in a consumer',
    "override receive() { void this.#answer() }\n  async #answer() { throw new Error('no database') }",
  ],
])('%s', async (mistake, handler) => {
  const app = `import { WebSocketConsumer, millrace, websocket } from 'millrace'
class Forgetful extends WebSocketConsumer {
  ${handler}
}
export default millrace({ routes: [websocket('/ws/', Forgetful)] })`
  const running = await serve(['app.ts', '--log-format', 'json'], {
    folder: await folderWith({ 'app.ts': app }),
  })
  const socket = new WebSocket(`${running.url.replace('http', 'ws')}/ws/`)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  socket.send('hello')
  const [code] = (await once(socket, 'close')) as [number]
  expect(code).toBe(1011)
  const [line] = await running.printed(/^.*"level":50.*$/m)
  expect((JSON.parse(line) as { msg: string }).msg).toBe(lineOf(mistake))
})

test('a session that has expired, in `millrace streams`', async () => {
  const app = `import { memory, millrace } from 'millrace'
export default millrace({ store: memory(), authenticate: () => undefined })`
  const { url } = await serve(['app.ts'], { folder: await folderWith({ 'app.ts': app }) })
  const { stderr } = await millrace(['streams', 'ls', '--url', `${url}/millrace/streams`])
  expect(stderr).toBe(`${lineOf('a session that has expired, in `millrace streams`')}\n`)
})

/**
 * Serves each application with Millrace's sources beside what they depend on, and none of the packages that an
 * application brings.
 */
async function serveWithoutPeers(...apps: readonly string[]): Promise<readonly Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-peers-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // Node runs no TypeScript inside of node_modules, where the link is resolved.
  const copy = join(folder, 'copy')
  await cp(join(ROOT, 'src'), join(copy, 'src'), { recursive: true })
  await cp(join(ROOT, 'package.json'), join(copy, 'package.json'))
  const modules = join(folder, 'node_modules')
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    await mkdir(join(modules, name, '..'), { recursive: true })
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  await symlink(copy, join(modules, 'millrace'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  const main = join(copy, 'src/cli/main.ts')
  return await Promise.all(
    apps.map(async (app, index) => {
      await mkdir(join(folder, `${index}`))
      await writeFile(join(folder, `${index}`, 'app.ts'), `${app}\nexport {}`)
      const command = [process.execPath, main, 'serve', 'app.ts', '-p', '0']
      return await start(command, { folder: join(folder, `${index}`) }).ended
    }),
  )
}
