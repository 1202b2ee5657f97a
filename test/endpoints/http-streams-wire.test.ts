/** The rules of docs/http-streams.md that need a real connection. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, expect, it, vi } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { httpStreams } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import type { ListenOptions } from '../../src/server/options.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'

const ends: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function serve(options: ListenOptions = {}): Promise<{
  store: StreamStore
  delivery: Delivery
  open: (path: string) => Promise<IncomingMessage>
}> {
  const store = memory()
  const delivery = new Delivery({ store })
  const routes = [httpStreams('/streams', { store, delivery })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const { port } = await application.listen({ port: 0, shutdownTimeout: 1, ...options })
  ends.push(() => application.close())
  const open = async (path: string): Promise<IncomingMessage> => {
    const asked = request({ port, host: '127.0.0.1', path: `/streams/${path}`, agent: false })
    asked.end()
    const [incoming] = (await once(asked, 'response')) as [IncomingMessage]
    ends.unshift(() => void incoming.destroy())
    return incoming
  }
  return { store, delivery, open }
}

/** The numbers of all records in a text of events. */
function numbersIn(text: string): number[] {
  return [...text.matchAll(/"n":(\d+)/g)].map((match) => Number(match[1]))
}

it('HS-14: a reader that does not read costs a fixed amount, and then gets everything', async () => {
  const { store, delivery, open } = await serve()
  await store.create('s')
  const slow = await open('s?offset=-1&live=sse')
  const total = 30_000
  for (let n = 0; n < total; n += 500) {
    const records = Array.from({ length: 500 }, (_, index) =>
      JSON.stringify({ n: n + index, pad: 'x'.repeat(1000) }),
    )
    await store.append('s', { records })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await store.append('s', { close: true })
  expect(delivery.readers('s')).toBe(1)
  expect(delivery.held).toBeLessThan(5 * 1024 * 1024)
  let text = ''
  slow.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(slow, 'end')
  expect(numbersIn(text)).toEqual(Array.from({ length: total }, (_, n) => n))
  expect(text).toContain('"streamClosed":true')
}, 20_000)

it('HS-8: a reader that goes is forgotten', async () => {
  const { store, delivery, open } = await serve()
  await store.create('s')
  const reader = await open('s?offset=-1&live=sse')
  await once(reader, 'data')
  expect(delivery.readers('s')).toBe(1)
  reader.destroy()
  await vi.waitFor(() => expect(delivery.readers('s')).toBe(0))
})

it('HS-13: a server that goes down ends its events', async () => {
  const { store, delivery, open } = await serve()
  await store.create('s')
  const reader = await open('s?offset=-1&live=sse')
  let text = ''
  reader.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(reader, 'data')
  delivery.close()
  await once(reader, 'end')
  expect(text).toMatch(/retry: \d+\n\n$/)
})

it('a reader of events that takes none of them is cut, and counts as a reader no more', async () => {
  const { store, delivery, open } = await serve({ unreadTimeout: 0.2 })
  await store.create('s')
  await open('s?offset=-1&live=sse')
  expect(delivery.readers('s')).toBe(1)
  const records = Array.from({ length: 500 }, (_, n) => JSON.stringify({ n, pad: 'x'.repeat(1000) }))
  for (let n = 0; n < 60; n++) {
    await store.append('s', { records })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await vi.waitUntil(() => delivery.readers('s') === 0, { timeout: 10_000 })
})
