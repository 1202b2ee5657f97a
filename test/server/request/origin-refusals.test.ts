import { expect, it } from 'vitest'
import { WebSocketConsumer, websocket } from '../../../src/index.ts'
import { OriginRefusals } from '../../../src/server/request/origin-refusals.ts'
import { collectingLogger } from '../../support/logger.ts'
import { serve } from '../../support/server.ts'

const ROUTES = [websocket('/ws', WebSocketConsumer)]

it('a WebSocket through a development proxy that changes the host is refused, and the log says how to allow it', async () => {
  await using server = await serve({ routes: ROUTES })
  await expect(server.connect('/ws', { origin: 'http://localhost:5173' })).rejects.toMatchObject({
    status: 403,
  })
  const host = `127.0.0.1:${server.running.port}`
  const [entry] = server.log.entries
  expect(entry).toMatchObject({ level: 'warn', fields: { origin: 'http://localhost:5173', host } })
  expect(entry?.message).toContain('--origin http://localhost:5173')
  expect(entry?.message).toContain('a proxy changes the Host header')
})

it('a request to a host that the server does not have says which in the log, and how to allow it', async () => {
  await using server = await serve({ routes: ROUTES })
  await using client = await server.raw()
  client.request('GET /', { host: 'shop.example' })
  expect((await client.response()).status).toBe(421)
  const [entry] = server.log.entries
  expect(entry).toMatchObject({ level: 'warn', fields: { host: 'shop.example' } })
  expect(entry?.message).toContain('--allowed-host')
})

it('a stranger fills no log: ten lines a minute, then a count, and short quotes', () => {
  const log = collectingLogger()
  const refusals = new OriginRefusals(log)
  for (let n = 0; n < 1_000; n++) {
    const host = `${'x'.repeat(5_000)}${n}`
    refusals.host({ host, directHost: host }, ['localhost'])
  }
  expect(log.entries).toHaveLength(10)
  expect(JSON.stringify(log.entries).length).toBeLessThan(10_000)
})
