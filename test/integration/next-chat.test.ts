/** examples/nextjs under the real Next: its chat with stock `useChat`, in development and in production. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { NodeChat, transportOf } from '../endpoints/chat/chat-server.ts'
import { ANSWER, PROMPTS, type Aimock, startAimock } from '../support/aimock.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { installPublished } from '../support/published.ts'
import { freePort } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

/** A build takes half a minute. CI looks at the development server alone. */
const isLong = process.env['MILLRACE_LONG'] === '1'

/** As create-next-app writes them. */
const COMPILER_OPTIONS = {
  target: 'ES2023',
  lib: ['dom', 'dom.iterable', 'esnext'],
  strict: true,
  noEmit: true,
  module: 'esnext',
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  jsx: 'react-jsx',
  skipLibCheck: true,
  isolatedModules: true,
}

let folder: string
let server: ChildProcess | undefined

/** In the repository, where packages are found. */
beforeAll(async () => {
  folder = mkdtempSync(resolve('millrace-next-'))
  cpSync('examples/nextjs', folder, {
    recursive: true,
    filter: (path) => !/\.next|data\.db|next-env/.test(path),
  })
  await installPublished(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  // That of the repository looks for sources.
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
}, 120_000)

afterEach(async () => {
  if (server?.exitCode !== null) return
  server.kill()
  await once(server, 'exit')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('development: answers, keeps and resumes', { timeout: 120_000 }, async () => {
  const url = await start('dev', {})
  const chat = new NodeChat('c1', transportOf('DefaultChatTransport', `${url}/api/chat`))
  await chat.sendMessage({ text: 'Hello' })
  expect(chat.error).toBeUndefined()
  expect(chat.text).toBe('Set OPENAI_API_KEY, and a model answers here.')
  const page = await fetch(`${url}/`)
  expect(new URL(page.url).pathname).toMatch(/^\/chat\/[\da-f-]{36}$/)
  expect(await (await fetch(`${url}/chat/c1`)).text()).toContain(
    'Set OPENAI_API_KEY, and a model answers here.',
  )
  // A second page comes in the middle.
  const sending = chat.sendMessage({ text: 'Again' })
  await expect.poll(() => chat.text).toBe('Set ')
  const other = new NodeChat('c1', transportOf('DefaultChatTransport', `${url}/api/chat`))
  await Promise.all([sending, other.resumeStream()])
  expect(other.text).toBe(chat.text)
})

describe.skipIf(!isLong)('production (MILLRACE_LONG=1)', () => {
  describeWith(['chromium'], 'in Chromium', ({ chromium }) => {
    let model: Aimock

    beforeAll(async () => {
      model = await startAimock()
      const build = next('build', {})
      const [code] = (await once(build, 'exit')) as [number | null]
      expect(code).toBe(0)
    }, 300_000)

    afterAll(() => model.close())

    it('a page is reloaded in mid-answer, and has all of it once', { timeout: 120_000 }, async () => {
      expect(existsSync(join(folder, 'data.db'))).toBe(false)
      const url = await start('start', { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: model.baseURL })
      const browser = await launchBrowser(chromium)
      try {
        const page = await browser.newPage()
        const complaints = complaintsOf(page)
        await page.route('**/favicon.ico', (route) => route.fulfill({ body: '' }))
        await page.goto(url)
        await page.getByLabel('Message').fill(PROMPTS.slow)
        await page.getByRole('button', { name: 'Send' }).click()
        const answer = page.locator('.assistant')
        await expect.poll(() => answer.allTextContents()).toEqual([expect.stringContaining('A millrace')])
        await page.reload()
        await expect.poll(() => answer.allTextContents()).toEqual([ANSWER])
        expect(await page.locator('.user').allTextContents()).toEqual([PROMPTS.slow])
        await expect.poll(() => page.getByRole('button').allTextContents()).toEqual(['Send'])

        await page.getByLabel('Message').fill(PROMPTS.slow)
        await page.getByRole('button', { name: 'Send' }).click()
        await page.getByRole('button', { name: 'Stop' }).click()
        await expect.poll(() => page.getByRole('button').allTextContents()).toEqual(['Send'])
        expect(complaints).toEqual([])
      } finally {
        await browser.close()
      }
    })
  })
})

/** Starts Next, and resolves with its address once it answers. */
async function start(
  command: 'dev' | 'start',
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const started = next(command, environment, '-p', String(port), '-H', '127.0.0.1')
  server = started
  // It compiles when it is asked.
  while (!(await isUp(url))) {
    if (started.exitCode !== null) throw new Error(`next ${command} ended with ${started.exitCode}`)
    await sleep(200)
  }
  return url
}

async function isUp(url: string): Promise<boolean> {
  return await fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

function next(
  command: string,
  environment: Readonly<Record<string, string>>,
  ...args: string[]
): ChildProcess {
  const { OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, ...own } = process.env
  return spawn(process.execPath, [resolve('node_modules/next/dist/bin/next'), command, ...args], {
    cwd: folder,
    env: {
      ...own,
      NODE_ENV: command === 'dev' ? 'development' : 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
