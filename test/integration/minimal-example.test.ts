/** The example that everything begins with: its server, a client in Node, and its page through Vite's proxy. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { type ViteDevServer, createServer } from 'vite'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { App } from '../../examples/minimal/app.ts'
import { connect } from '../../src/client/index.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { collect } from '../support/collect.ts'
import { ResponsesMock } from '../support/responses-mock.ts'
import { describeWith } from '../support/services.ts'

let model: ResponsesMock
let folder: string
let server: ChildProcess
let url: string

beforeAll(async () => {
  model = await ResponsesMock.start({ script: { words: 12 } })
  folder = await mkdtemp(join(tmpdir(), 'millrace-minimal-'))
  server = spawn(
    'node',
    [
      '--conditions=millrace:source',
      resolve('src/cli/main.ts'),
      'serve',
      resolve('examples/minimal/app.ts'),
      '--port',
      '0',
    ],
    {
      // Where ./data.db is.
      cwd: folder,
      env: { ...process.env, OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.baseURL },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  if (!server.stdout) throw new Error('no output')
  for await (const line of createInterface(server.stdout)) {
    const found = /https?:\/\/[\w.:]+/.exec(line)?.[0]
    if (found) {
      url = found
      return
    }
  }
  throw new Error('the server ended without saying where it listens')
})

afterAll(async () => {
  if (server.exitCode === null) {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  await model.close()
  await rm(folder, { recursive: true, force: true })
})

it('a program reads the answer, piece by piece', async () => {
  const client = connect<App>(url)
  try {
    const reply = await client.runs.answer.start({ prompt: 'What is a millrace?' })
    const pieces = await collect(reply)
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.join('')).toBe(model.responses.at(-1)?.source)
    expect(reply.status).toBe('completed')
  } finally {
    client.close()
  }
})

it.each([
  ['WebSockets', {}],
  ['HTTP', { webSocket: refused }],
])(
  'an input that does not fit starts nothing, over %s, and the client is told why',
  async (_way, options) => {
    const client = connect<App>(url, options)
    try {
      const created = model.responses.length
      const starting = client.runs.answer.start({ prompt: '' })
      await expect(starting).rejects.toMatchObject({ code: 'invalid_input', issues: [{ path: ['prompt'] }] })
      expect(model.responses).toHaveLength(created)
    } finally {
      client.close()
    }
  },
)

function refused(): never {
  throw new Error('WebSockets are blocked')
}

describeWith(['chromium'], 'the page of the example', ({ chromium }) => {
  let vite: ViteDevServer

  beforeAll(async () => {
    vi.stubEnv('MILLRACE_URL', url)
    vite = await createServer({
      configFile: 'examples/minimal/vite.config.ts',
      root: 'examples/minimal',
      cacheDir: join(folder, 'vite'),
      logLevel: 'error',
      resolve: { conditions: ['millrace:source', 'module', 'browser', 'development|production'] },
      optimizeDeps: { noDiscovery: true },
      server: { host: '127.0.0.1', port: 0 },
    })
    await vite.listen()
  })

  afterAll(async () => {
    await vite.close()
    vi.unstubAllEnvs()
  })

  it('writes the answer as it comes', async () => {
    const browser = await launchBrowser(chromium)
    try {
      const page = await browser.newPage()
      const complaints = complaintsOf(page)
      await page.route('**/favicon.ico', (route) => route.fulfill({ body: '' }))
      await page.goto(vite.resolvedUrls?.local[0] ?? '')
      const text = (): Promise<string> => page.evaluate('document.body.textContent.trim()')
      await expect.poll(text, { timeout: 20_000 }).not.toBe('')
      const { source = '' } = model.responses.at(-1) ?? {}
      await expect.poll(text).toBe(source.trim())
      expect(complaints).toEqual([])
    } finally {
      await browser.close()
    }
  })
})
