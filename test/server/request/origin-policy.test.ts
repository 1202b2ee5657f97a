import { describe, expect, it } from 'vitest'
import { type Origins, WebSocketConsumer, millrace, websocket } from '../../../src/index.ts'
import { originAllowed } from '../../../src/server/request/origin-policy.ts'
import { serve } from '../../support/server.ts'

describe('originAllowed', () => {
  it.each<[string | undefined, string, Origins | undefined, boolean]>([
    // Programs, and pages of the server's own.
    [undefined, 'a.example', undefined, true],
    ['http://a.example', 'a.example', undefined, true],
    ['https://a.example', 'a.example', undefined, true],
    ['https://a.example', 'a.example:443', undefined, true],
    ['http://a.example:8000', 'a.example:8000', undefined, true],
    ['http://[::1]:8000', '[::1]:8000', undefined, true],
    ['https://A.example', 'a.EXAMPLE', undefined, true],
    ['https://a.example', 'a.example', [], true],
    // Pages of others.
    ['http://evil.example', 'a.example', undefined, false],
    ['http://a.example:8001', 'a.example:8000', undefined, false],
    ['http://a.example.evil.example', 'a.example', undefined, false],
    ['null', 'a.example', undefined, false],
    ['', 'a.example', undefined, false],
    ['chrome-extension://a.example', 'a.example', undefined, false],
    // A list.
    ['https://b.example', 'a.example', ['https://b.example'], true],
    ['https://b.example', 'a.example', ['https://b.example/'], true],
    ['https://b.example', 'a.example', ['https://c.example', 'https://b.example:443'], true],
    ['http://b.example', 'a.example', ['https://b.example'], false],
    ['https://b.example:8443', 'a.example', ['https://b.example'], false],
    ['null', 'a.example', ['https://b.example'], false],
    ['capacitor://localhost', 'a.example', ['capacitor://localhost'], true],
    ['capacitor://other', 'a.example', ['capacitor://localhost'], false],
    // A wildcard.
    ['https://x.b.example', 'a.example', ['https://*.b.example'], true],
    ['https://x.y.b.example', 'a.example', ['https://*.B.example'], true],
    ['https://b.example', 'a.example', ['https://*.b.example'], false],
    ['https://evilb.example', 'a.example', ['https://*.b.example'], false],
    ['http://x.b.example', 'a.example', ['https://*.b.example'], false],
    ['https://x.b.example:8443', 'a.example', ['https://*.b.example'], false],
    ['https://x.b.example:8443', 'a.example', ['https://*.b.example:8443'], true],
    // All, and a function.
    ['https://evil.example', 'a.example', '*', true],
    ['null', 'a.example', '*', true],
    ['null', 'a.example', (origin) => origin === 'null', true],
    ['https://b.example', 'a.example', (origin) => origin === 'https://b.example', true],
    ['https://c.example', 'a.example', (origin) => origin === 'https://b.example', false],
    ['https://c.example', 'a.example', (async () => false) as unknown as (origin: string) => boolean, false],
  ])('of a page of %s at %s with %j is %s', (origin, host, origins, allowed) => {
    expect(originAllowed(origin, host, origins)).toBe(allowed)
  })
})

describe('a server', () => {
  it('refuses pages of others, and serves its own and programs', async () => {
    await using server = await serve({
      routes: [websocket('/ws', WebSocketConsumer), websocket('/open', WebSocketConsumer, { origins: '*' })],
    })
    await expect(server.connect('/ws', { origin: 'https://evil.example' })).rejects.toMatchObject({
      status: 403,
      body: { error: { code: 'origin_refused' } },
    })
    await expect(server.connect('/ws', { origin: 'null' })).rejects.toMatchObject({ status: 403 })
    await (await server.connect('/ws', { origin: server.running.url })).close()
    await (await server.connect('/ws')).close()
    await (await server.connect('/open', { origin: 'https://evil.example' })).close()
  })
})

it('an application refuses an origin that could never match', () => {
  expect(() => millrace({ origins: ['app.example'] })).toThrow(
    'millrace({ origins }): "app.example" is not an origin',
  )
})
