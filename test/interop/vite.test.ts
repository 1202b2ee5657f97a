/** Vite's own proxy in front, as docs/deploying.md has it, and with `changeOrigin`. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createServer } from 'vite'
import { WebSocketConsumer, websocket } from '../../src/index.ts'
import { freePort } from '../support/redis.ts'
import { type TestServer, serve } from '../support/server.ts'
import { WebSocketClient } from '../support/websocket-client.ts'

class Echo extends WebSocketConsumer {
  override async receive(message: string | Uint8Array): Promise<void> {
    await this.send(message)
  }
}

/** A page's address, whose `/ws` Vite hands on. */
async function behindVite(server: TestServer, changeOrigin: boolean): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-vite-'))
  const target = `http://127.0.0.1:${server.running.port}`
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: 'silent',
    server: {
      host: '127.0.0.1',
      port: await freePort(),
      hmr: false,
      proxy: { '/ws': { target, ws: true, changeOrigin } },
    },
  })
  await vite.listen()
  onTestFinished(async () => {
    await vite.close()
    await rm(root, { recursive: true, force: true })
  })
  return `http://127.0.0.1:${vite.config.server.port}`
}

test('a page of Vite opens a WebSocket through its proxy, as documented', async () => {
  await using server = await serve({ routes: [websocket('/ws', Echo)] })
  const page = await behindVite(server, false)
  await using socket = await WebSocketClient.connect(`${page.replace('http', 'ws')}/ws`, { origin: page })
  socket.send('hello')
  expect(await socket.receive()).toBe('hello')
})

test('with changeOrigin it is refused, and the log says how to let it in, which then does', async () => {
  await using server = await serve({ routes: [websocket('/ws', Echo)] })
  const page = await behindVite(server, true)
  const address = `${page.replace('http', 'ws')}/ws`
  await expect(WebSocketClient.connect(address, { origin: page })).rejects.toMatchObject({ status: 403 })
  expect(server.log.entries).toMatchObject([
    { level: 'warn', message: expect.stringContaining('--origin') as string, fields: { origin: page } },
  ])

  await using told = await serve({ origins: [page], routes: [websocket('/ws', Echo)] })
  const second = await behindVite(told, true)
  await using socket = await WebSocketClient.connect(`${second.replace('http', 'ws')}/ws`, { origin: page })
  socket.send('hello')
  expect(await socket.receive()).toBe('hello')
})
