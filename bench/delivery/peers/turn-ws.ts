/**
 * `ws` as whoever knows what costs would use it: the records of a turn of the event loop leave together,
 * in one message for each stream. No log, no offsets: what a reader misses is lost.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { FULL, ROOM } from './peer.ts'
import type { Peer, PeerOptions } from './peer.ts'

interface Stream {
  readonly sockets: WebSocket[]
  /** What came in this turn. */
  texts: string[]
}

export async function turnWs({ streams, history }: PeerOptions): Promise<Peer> {
  const all: Stream[] = Array.from({ length: streams }, () => ({ sockets: [], texts: [] }))
  const past = history.map((record) => messageOf([JSON.stringify(record)]))
  const http = createServer()
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, clientTracking: false })
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const { stream } = JSON.parse(data.toString()) as { stream: string }
      all[Number(stream.slice(1))]?.sockets.push(socket)
      socket.send(JSON.stringify({ type: 'subscribed', stream }))
      for (const message of past) socket.send(message)
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  let waiting: Stream[] = []
  const flush = (): void => {
    const due = waiting
    waiting = []
    for (const stream of due) {
      const frame = Buffer.from(messageOf(stream.texts))
      stream.texts = []
      for (const socket of stream.sockets) socket.send(frame, { binary: false })
    }
  }
  return {
    port: (http.address() as AddressInfo).port,
    put(name, record) {
      const stream = all[name] as Stream
      if (stream.texts.push(JSON.stringify(record)) === 1 && waiting.push(stream) === 1) setImmediate(flush)
      return stream.sockets.some((socket) => socket.bufferedAmount > FULL) ? room(stream.sockets) : undefined
    },
  }
}

/** `{"n":2,"records":[…,…]}`: the number first, so that whoever counts need not look further. */
function messageOf(texts: readonly string[]): string {
  return `{"n":${texts.length},"records":[${texts.join(',')}]}`
}

async function room(sockets: readonly WebSocket[]): Promise<void> {
  while (sockets.some((socket) => socket.bufferedAmount > ROOM)) await sleep(1)
}
