/** Every line of PROTOCOL.md's table of bad input, over real sockets; after each the next client is served. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Json, JsonWebSocketConsumer, WebSocketConsumer, websocket } from '../../src/index.ts'
import { OPCODES, clientFrame } from '../support/raw-client.ts'
import { type TestServer, serve } from '../support/server.ts'
import type { WebSocketClient } from '../support/websocket-client.ts'

class Echo extends JsonWebSocketConsumer {
  override readonly groups = ['everybody']

  override async receive(message: Json): Promise<void> {
    await this.send({ got: message, cookies: { ...this.scope.cookies } })
  }
}

class Silent extends WebSocketConsumer {
  override async connect(): Promise<void> {}
}

let server: TestServer
let bystander: WebSocketClient

beforeAll(async () => {
  server = await serve(
    { routes: [websocket('/echo', Echo), websocket('/silent', Silent)] },
    { handshakeTimeout: 0.5 },
  )
  bystander = await server.connect('/echo')
})

afterAll(() => server[Symbol.asyncDispose]())

/** The code and the reason with which a server closes after a message. */
async function closeOf(data: string | Uint8Array): Promise<string> {
  await using client = await server.connect('/echo')
  client.send(data)
  const { code, reason } = await client.closed
  return `${code}, \`${reason}\``
}

/** The same for the bytes of a frame. */
async function closeOfFrame(frame: Uint8Array): Promise<string> {
  await using client = await server.raw()
  client.upgrade('/echo', {}, frame)
  await client.response()
  const { code, reason } = await client.closeFrame()
  return `${code}, \`${reason}\``
}

/** The status and the code with which bytes that should be a handshake are answered. */
async function answerTo(path: string, headers: Record<string, string>): Promise<string> {
  await using client = await server.raw()
  client.upgrade(path, headers)
  const { status, body } = await client.response()
  return `${status} \`${(JSON.parse(body) as { error: { code: string } }).error.code}\``
}

const CASES: Record<string, () => Promise<string>> = {
  'invalid JSON': () => closeOf('{"message":'),
  'binary instead of text': () => closeOf(Buffer.from('{"message":"start"}')),
  'an empty frame instead of JSON': () => closeOf(''),
  'a frame over the limit': () => closeOf('x'.repeat(1_048_577)),
  'JSON a million levels deep': () => closeOf('['.repeat(1_000_000)),
  'a `__proto__` key': () => closeOf('{"__proto__":{"admin":true}}'),
  async 'a channel message of an unknown type'() {
    await using client = await server.connect('/echo')
    const before = server.log.entries.length
    await server.app.channels.groupSend('everybody', { type: 'no.such.handler' })
    client.sendJson('alive')
    expect(await client.receiveJson()).toMatchObject({ got: 'alive' })
    const logged = server.log.entries
      .slice(before)
      .filter(({ message }) => message.startsWith('channel message refused'))
    return logged.length > 0 ? 'nothing: it is logged, and the connection stays open' : 'nothing'
  },
  'half a surrogate pair, escaped': () => closeOf(String.raw`{"text":"\ud83d"}`),
  'half a surrogate pair, as bytes': () =>
    closeOfFrame(clientFrame(OPCODES.text, Buffer.from([0x22, 0xed, 0xa0, 0xbd, 0x22]))),
  async 'a malformed cookie'() {
    await using client = await server.connect('/echo', { headers: { cookie: 'bad=%E0%A4%A; ;=;good=1' } })
    client.sendJson('x')
    const { cookies } = (await client.receiveJson()) as { cookies: Record<string, string> }
    return 'bad' in cookies || cookies['good'] !== '1'
      ? JSON.stringify(cookies)
      : 'it is left out of `scope.cookies`, unlike the others'
  },
  '64 KB of headers': () => answerTo('/echo', { 'x-large': 'x'.repeat(65_536) }),
  'a page of another origin': () => answerTo('/echo', { origin: 'https://evil.example' }),
  async 'headers that never end'() {
    await using client = await server.raw()
    client.write('GET /echo HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n')
    const { status, body } = await client.response()
    return `${status} \`${(JSON.parse(body) as { error: { code: string } }).error.code}\``
  },
  'a handshake that its consumer never answers': () => answerTo('/silent', {}),
}

/** The table under "Bad input": what is sent, and what comes back. */
const documented = new Map(
  [
    ...(
      readFileSync('PROTOCOL.md', 'utf8')
        .split(/^## /m)
        .find((section) => section.startsWith('Bad input')) ?? ''
    ).matchAll(/^\| (.*) \| (.*) \|$/gm),
  ]
    .map(([, sent = '', gets = '']) => [sent, gets] as const)
    .slice(1),
)

it('every documented case is tested', () => {
  expect(Object.keys(CASES)).toEqual([...documented.keys()])
})

it.each(Object.entries(CASES))('%s', async (name, send) => {
  expect(await send()).toBe(documented.get(name))
  // The next client is served as if nothing had happened, and so is one that was there before.
  await using next = await server.connect('/echo')
  for (const client of [next, bystander]) {
    client.sendJson(name)
    expect(await client.receiveJson()).toMatchObject({ got: name })
  }
})
