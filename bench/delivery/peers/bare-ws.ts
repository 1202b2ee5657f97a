/** `ws` and nothing else: a frame is built once, and sent to each reader. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { FULL, ROOM } from './peer.ts'
import type { Peer, PeerOptions } from './peer.ts'

export async function bareWs({ streams, history }: PeerOptions): Promise<Peer> {
  const readers: WebSocket[][] = Array.from({ length: streams }, () => [])
  const past = history.map((record) => JSON.stringify(record))
  const http = createServer()
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, clientTracking: false })
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const { stream } = JSON.parse(data.toString()) as { stream: string }
      readers[Number(stream.slice(1))]?.push(socket)
      socket.send(JSON.stringify({ type: 'subscribed', stream }))
      for (const text of past) socket.send(text)
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    port: (http.address() as AddressInfo).port,
    put(stream, record) {
      const frame = Buffer.from(JSON.stringify(record))
      const sockets = readers[stream] ?? []
      let full = false
      for (const socket of sockets) {
        socket.send(frame, { binary: false })
        full ||= socket.bufferedAmount > FULL
      }
      return full ? room(sockets) : undefined
    },
  }
}

async function room(sockets: readonly WebSocket[]): Promise<void> {
  while (sockets.some((socket) => socket.bufferedAmount > ROOM)) await sleep(1)
}
