/** What delivery is compared between, by name. */
import type { Dialect } from '../dialect.ts'
import type { Peer, PeerOptions } from './peer.ts'

export const PEERS = ['ws', 'ws per turn', 'Socket.IO', 'Hono SSE', 'Millrace'] as const
export type PeerName = (typeof PEERS)[number]

/** What its readers speak. */
export const DIALECTS: Readonly<Record<PeerName, Dialect>> = {
  ws: 'ws',
  'ws per turn': 'ws-turn',
  'Socket.IO': 'socket.io',
  'Hono SSE': 'events',
  Millrace: 'millrace',
}

/** Loads no peer but the one that is asked for: what it takes is its own memory. */
export async function startPeer(name: PeerName, options: PeerOptions): Promise<Peer> {
  switch (name) {
    case 'ws':
      return await (await import('./bare-ws.ts')).bareWs(options)
    case 'ws per turn':
      return await (await import('./turn-ws.ts')).turnWs(options)
    case 'Socket.IO':
      return await (await import('./socket-io.ts')).socketIo(options)
    case 'Hono SSE':
      return await (await import('./hono-sse.ts')).honoSse(options)
    case 'Millrace':
      return await (await import('./millrace.ts')).millrace(options)
  }
}
