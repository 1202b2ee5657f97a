import compression from 'compression'
import express, { type RequestHandler } from 'express'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { http, httpStreams, memory, millrace, streaming } from '../../../src/index.ts'
import { type CollectingLogger, collectingLogger } from '../../support/logger.ts'
import { serve } from '../../support/server.ts'

interface Behind extends AsyncDisposable {
  readonly log: CollectingLogger
  readonly started: unknown[]
  url(path: string): string
}

/** An application behind middleware of Express, as examples/express has it. */
async function serveBehind(...middleware: readonly RequestHandler[]): Promise<Behind> {
  const log = collectingLogger()
  const started: unknown[] = []
  const streams = streaming({ store: memory() })
  await streams.store.create('s', { contentType: 'application/json', records: ['"first"'] })
  const start = ({ input }: { input: unknown }): { id: string } => {
    started.push(input)
    return { id: 's' }
  }
  const app = millrace({
    logger: log,
    streams,
    routes: [
      http('/echo', async (request) => new Response(new Uint8Array(await request.arrayBuffer()))),
      http('/form', async (request) => Response.json([...new URLSearchParams(await request.text())])),
      http('/unread', () => new Response('fine')),
      http('/pieces', () => new Response(pieces(), { headers: { 'content-type': 'text/plain' } })),
      httpStreams('/streams', { ...streams.services, start }),
    ],
  })
  const own = express()
  const server = createServer(own as never)
  own.use(...middleware)
  own.use(app.attach(server).handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    log,
    started,
    url: (path) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    [Symbol.asyncDispose]: async () => {
      await app.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

let release: (() => void) | undefined

/** A body whose second piece waits until the first was seen. */
function pieces(): ReadableStream<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<void>()
  release = resolve
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(Buffer.from('first'))
      await promise
      controller.enqueue(Buffer.from('second'))
      controller.close()
    },
  })
}

const ALL = [express.json(), express.urlencoded({ extended: true }), express.text(), express.raw()]

describe('behind middleware that has read the body', () => {
  it('a run is started with what express.json() left', async () => {
    await using server = await serveBehind(...ALL)
    const input = { prompt: 'Grüße', n: [1, 2.5, null] }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ input })
    expect((await fetch(server.url('/streams'), { method: 'POST', headers, body })).status).toBe(201)
    const zipped = {
      method: 'POST',
      headers: { ...headers, 'content-encoding': 'gzip' },
      body: gzipSync(body),
    }
    expect((await fetch(server.url('/streams'), zipped)).status).toBe(201)
    expect(server.started).toEqual([input, input])
  })

  it.each([
    ['application/json', '{"a":[1,{"b":"ü"}]}'],
    ['application/vnd.api+json', '{"a":1}'],
    ['text/plain', 'plain "text" ü'],
    ['application/octet-stream', 'bytes'],
    ['text/markdown', 'of a type that nothing reads'],
    ['application/json', ''],
  ])('a handler reads a body of type %s as it was sent: %s', async (type, body) => {
    await using server = await serveBehind(...ALL)
    const response = await fetch(server.url('/echo'), {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    expect(await response.text()).toBe(body)
  })

  it.each(['"a text"', '7', 'true', '"7"'])(
    'a JSON value that is no object is read as well: %s',
    async (body) => {
      await using server = await serveBehind(express.json({ strict: false }))
      const headers = { 'content-type': 'application/json' }
      expect(await (await fetch(server.url('/echo'), { method: 'POST', headers, body })).text()).toBe(body)
    },
  )

  it('JSON that express.text() took is left as it is', async () => {
    await using server = await serveBehind(express.text({ type: 'application/json' }))
    const headers = { 'content-type': 'application/json' }
    const body = '{ "a" : 1.0 }'
    expect(await (await fetch(server.url('/echo'), { method: 'POST', headers, body })).text()).toBe(body)
  })

  it.each([
    ['with a mark of its order of bytes', Buffer.from('\ufeff{"a":"ü"}')],
    ['in another charset', Buffer.from('{"a":"ü"}', 'latin1')],
  ])('JSON that express.text() took %s is no text in JSON', async (_how, body) => {
    await using server = await serveBehind(express.text({ type: 'application/json' }))
    const charset = body[0] === 0xef ? 'utf-8' : 'iso-8859-1'
    const headers = { 'content-type': `application/json; charset=${charset}` }
    const response = await fetch(server.url('/echo'), { method: 'POST', headers, body })
    expect(await response.text()).toBe('{"a":"ü"}')
  })

  it.each([true, false])('a form is read, lists and brackets too (extended: %s)', async (extended) => {
    await using server = await serveBehind(express.urlencoded({ extended }))
    const body = new URLSearchParams('a=1&list=x&list=y%26&user[name]=ann&e=')
    const response = await fetch(server.url('/form'), { method: 'POST', body })
    expect(await response.json()).toEqual([...body])
  })

  it('a body that was read and not kept is an error that says so, for those who read it', async () => {
    const swallow: RequestHandler = (request, _response, next) => {
      request.on('end', () => next()).resume()
    }
    await using server = await serveBehind(swallow)
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"input":1}' }
    expect(await (await fetch(server.url('/unread'), post)).text()).toBe('fine')
    expect((await fetch(server.url('/echo'), post)).status).toBe(500)
    expect(server.log.entries[0]?.fields).toMatchObject({
      err: expect.stringContaining('put Millrace before that middleware') as string,
    })
  })

  it('a number that JSON cannot keep is refused, and not null', async () => {
    await using server = await serveBehind(express.json())
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"input":1e999}' }
    expect((await fetch(server.url('/echo'), post)).status).toBe(400)
    expect((await fetch(server.url('/streams'), post)).status).toBe(400)
  })
})

describe('behind compression()', () => {
  const gzip = { headers: { 'accept-encoding': 'gzip' } }

  it('events and pieces of a body come as they are written', async () => {
    await using server = await serveBehind(compression({ threshold: 0 }))
    const events = await fetch(server.url('/streams/s?offset=-1&live=sse'), gzip)
    expect(events.headers.get('content-encoding')).toBeNull()
    const reader = events.body!.getReader()
    let seen = ''
    while (!seen.includes('"first"')) seen += Buffer.from((await reader.read()).value).toString()
    await reader.cancel()

    const body = await fetch(server.url('/pieces'), gzip)
    expect(body.headers.get('content-encoding')).toBe('gzip')
    const parts = body.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await parts.read()).value).toBe('first')
    release?.()
    expect((await parts.read()).value).toBe('second')
  })

  it('pages of a stream are compressed, and whole', async () => {
    await using server = await serveBehind(compression({ threshold: 0 }))
    const page = await fetch(server.url('/streams/s'), gzip)
    expect([page.headers.get('content-encoding'), await page.json()]).toEqual(['gzip', ['first']])
  })
})

describe("inside Hono's compress()", () => {
  it('events come as they are written, and pages are compressed', async () => {
    const streams = streaming({ store: memory() })
    await streams.store.create('s', { contentType: 'application/json', records: ['"first"'] })
    const served = millrace({
      logger: collectingLogger(),
      streams,
      routes: [httpStreams('/streams', streams.services)],
    })
    const outside = new Hono()
    outside.use(compress({ threshold: 0 }))
    outside.all('/*', (context) => served.fetch(context.req.raw))
    await using server = await serve({ fetch: outside.fetch })
    const gzip = { headers: { 'accept-encoding': 'gzip' } }
    const events = await fetch(server.url('/streams/s?offset=-1&live=sse'), gzip)
    expect(events.headers.get('content-encoding')).toBeNull()
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader()
    let seen = ''
    while (!seen.includes('"first"')) seen += String((await reader.read()).value)
    await streams.store.append('s', { records: ['"second"'] })
    while (!seen.includes('"second"')) seen += String((await reader.read()).value)
    await reader.cancel()

    await streams.store.create('long', {
      contentType: 'application/json',
      records: [`"${'x'.repeat(5000)}"`],
    })
    const page = await fetch(server.url('/streams/long'), gzip)
    expect([page.headers.get('content-encoding'), await page.json()]).toEqual(['gzip', ['x'.repeat(5000)]])
    await served.close()
  })
})
