import { describe, expect, it, vi } from 'vitest'
import type { MillraceOptions } from '../../src/index.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { streaming } from '../../src/endpoints/streaming.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { serve } from '../support/server.ts'

describe('/healthz', () => {
  it('says that the process lives, whatever the host and the routes are', async () => {
    await using server = await serve({})
    await using client = await server.raw()
    client.request('GET /healthz?probe=1', { host: '10.1.2.3:8000' })
    expect(await client.response()).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } })
    const response = await fetch(server.url('/healthz'))
    expect(await response.json()).toEqual({ status: 'ok' })
    expect((await fetch(server.url('/healthz'), { method: 'HEAD' })).status).toBe(200)
  })
})

describe('/readyz', () => {
  it.each<[string, NonNullable<MillraceOptions['ready']> | undefined, number, object]>([
    ['nothing', undefined, 200, { status: 'ready' }],
    ['true', () => true, 200, { status: 'ready' }],
    ['true, later', () => Promise.resolve(true), 200, { status: 'ready' }],
    [
      'false',
      () => Promise.resolve(false),
      503,
      { status: 'not ready', reason: 'the application says that it is not ready' },
    ],
  ])('of an application that says %s', async (_case, ready, status, answer) => {
    await using server = await serve({ ...(ready && { ready }) })
    const response = await fetch(server.url('/readyz'))
    expect([response.status, await response.json()]).toEqual([status, answer])
    expect(server.log.entries).toEqual([])
  })

  it.each([
    [true, 200],
    [false, 503],
  ])('of an application whose stream store says %s is %d', async (there, status) => {
    const store = Object.assign(memory(), { check: () => Promise.resolve(there) })
    await using server = await serve({ streams: streaming({ store }), ready: () => true })
    expect((await fetch(server.url('/readyz'))).status).toBe(status)
    expect((await fetch(server.url('/healthz'))).status).toBe(200)
  })

  it.each([
    [true, 200],
    [false, 503],
  ])('of an application whose channel layer says %s is %d', async (there, status) => {
    const channels = Object.assign(memoryChannels(), { check: () => Promise.resolve(there) })
    await using server = await serve({ channels })
    expect((await fetch(server.url('/readyz'))).status).toBe(status)
    expect((await fetch(server.url('/healthz'))).status).toBe(200)
  })

  it('of an application whose check throws is 503 without details, and is logged', async () => {
    await using server = await serve({
      ready: () => {
        throw new Error('the database password is hunter2')
      },
    })
    const response = await fetch(server.url('/readyz'))
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 'not ready', reason: 'the check of the application failed' },
    ])
    expect(server.log.entries).toMatchObject([{ level: 'warn', message: 'readiness check failed' }])
  })

  it('of an application whose check never ends is 503, and the check is told', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const asked = Promise.withResolvers<AbortSignal>()
      await using server = await serve({
        ready: (signal) => {
          asked.resolve(signal)
          return new Promise(() => {})
        },
      })
      await using client = await server.raw()
      client.request('GET /readyz')
      const signal = await asked.promise
      vi.advanceTimersByTime(5_000)
      expect(await client.response()).toMatchObject({ status: 503 })
      expect(signal.aborted).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it('of a server that goes down is 503', async () => {
    await using server = await serve({ ready: () => true })
    const accepted = server.nextSocket()
    await using client = await server.raw()
    const socket = await accepted
    client.write('GET /readyz HTTP/1.1\r\n')
    await vi.waitUntil(() => socket.bytesRead > 0)
    const closed = server.running.close()
    client.write('host: localhost\r\n\r\n')
    expect(await client.response()).toMatchObject({ status: 503, body: '{"status":"draining"}' })
    await client[Symbol.asyncDispose]()
    await closed
  })
})
