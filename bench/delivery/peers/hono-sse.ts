/** Server-sent events as Hono's documentation writes them: `streamSSE`, on @hono/node-server. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { SSEStreamingApi } from 'hono/streaming'
import { FULL, ROOM } from './peer.ts'
import type { Peer, PeerOptions } from './peer.ts'

interface Reader {
  readonly api: SSEStreamingApi
  /** Bytes that its stream has not taken yet. */
  unsent: number
}

export async function honoSse({ streams, history }: PeerOptions): Promise<Peer> {
  const readers: Set<Reader>[] = Array.from({ length: streams }, () => new Set())
  const app = new Hono()
  app.get('/:stream', (c) =>
    streamSSE(c, async (api) => {
      const of = readers[Number(c.req.param('stream').slice(1))]
      const reader: Reader = { api, unsent: 0 }
      await api.writeSSE({ data: '{"type":"subscribed"}' })
      for (const record of history) await api.writeSSE({ data: JSON.stringify(record) })
      of?.add(reader)
      await new Promise<void>((resolve) => api.onAbort(resolve))
      of?.delete(reader)
    }),
  )
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 })
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    put(stream, record) {
      const data = JSON.stringify(record)
      const size = data.length
      let full = false
      const of = readers[stream] ?? new Set()
      for (const reader of of) {
        reader.unsent += size
        void reader.api.writeSSE({ data }).then(() => (reader.unsent -= size))
        full ||= reader.unsent > FULL
      }
      return full ? room(of) : undefined
    },
  }
}

async function room(readers: ReadonlySet<Reader>): Promise<void> {
  while ([...readers].some(({ unsent }) => unsent > ROOM)) await sleep(1)
}
