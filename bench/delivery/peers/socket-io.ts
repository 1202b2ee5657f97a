/** Socket.IO over WebSockets: a room for each stream. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import type { Socket } from 'socket.io'
import { FULL, ROOM, streamName } from './peer.ts'
import type { Peer, PeerOptions } from './peer.ts'

/** Of a packet, about. */
const PACKET = 50

export async function socketIo({ streams, history }: PeerOptions): Promise<Peer> {
  const http = createServer()
  const io = new Server(http, { transports: ['websocket'], serveClient: false })
  const readers: Socket[][] = Array.from({ length: streams }, () => [])
  io.on('connection', (socket) => {
    socket.on('subscribe', (stream: string) => {
      void socket.join(stream)
      readers[Number(stream.slice(1))]?.push(socket)
      socket.emit('subscribed', stream)
      for (const record of history) socket.emit('r', record)
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  let sent = 0
  return {
    port: (http.address() as AddressInfo).port,
    put(stream, record) {
      io.to(streamName(stream)).emit('r', record)
      // What waits is looked up now and then: it takes a visit to every socket.
      if (++sent % 1000 !== 0) return undefined
      const sockets = readers[stream] ?? []
      return sockets.some((socket) => unsent(socket) > FULL) ? room(sockets) : undefined
    },
  }
}

/** Packets that the transport has not taken yet. */
function unsent(socket: Socket): number {
  return (socket.conn as unknown as { writeBuffer: readonly unknown[] }).writeBuffer.length * PACKET
}

async function room(sockets: readonly Socket[]): Promise<void> {
  while (sockets.some((socket) => unsent(socket) > ROOM)) await sleep(1)
}
