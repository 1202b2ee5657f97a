/**
 * A server under load, in a process of its own: it connects readers, produces records when it is
 * told to, and says what that cost it. `millrace`, or bare `ws`: a frame built once, one send for
 * each record and reader.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { memoryChannels } from '../../src/channels/memory.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { streamSocket } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memoryStreams } from '../../src/streams/memory.ts'

export interface Load {
  readonly streams: number
  /** Records per second on each stream; 0 for as many as go. */
  readonly rate: number
  /** Records on each stream. */
  readonly records: number
}

export type ServerRequest =
  | { readonly type: 'produce'; readonly load: Load }
  | { readonly type: 'usage' }
  | { readonly type: 'reset' }

export type ServerReply =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'produced' }
  | { readonly type: 'usage'; readonly cpuMicros: number; readonly userMicros: number; readonly rss: number }

interface Subject {
  readonly port: number
  /** One record for one stream; a promise when the next one has to wait. */
  put(stream: number, text: string): Promise<unknown> | undefined
}

async function millrace(streams: number): Promise<Subject> {
  const store = memoryStreams()
  const delivery = new Delivery({ store })
  for (let n = 0; n < streams; n++) await store.create(`s${n}`)
  const routes = [streamSocket('/', { store, delivery })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const { port } = await application.listen({ port: 0, maxConnections: 20_000 })
  return { port, put: (stream, text) => store.append(`s${stream}`, { records: [text] }) }
}

async function bareWs(streams: number): Promise<Subject> {
  const readers: WebSocket[][] = Array.from({ length: streams }, () => [])
  const http = createServer()
  const server = new WebSocketServer({ server: http, perMessageDeflate: false, clientTracking: false })
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const { stream } = JSON.parse(data.toString()) as { stream: string }
      readers[Number(stream.slice(1))]?.push(socket)
      socket.send(JSON.stringify({ type: 'subscribed', stream }))
    })
  })
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve))
  const put = (stream: number, text: string): Promise<unknown> | undefined => {
    const frame = Buffer.from(text)
    let full = false
    for (const socket of readers[stream] ?? []) {
      socket.send(frame, { binary: false })
      full ||= socket.bufferedAmount > 1024 * 1024
    }
    return full ? room(readers[stream] ?? []) : undefined
  }
  return { port: (http.address() as AddressInfo).port, put }
}

/** Waits until the readers have room: unpaced is not unbounded. */
async function room(sockets: readonly WebSocket[]): Promise<void> {
  while (sockets.some((socket) => socket.bufferedAmount > 512 * 1024)) await sleep(1)
}

/** About 40 bytes; `t` is when it was made, in microseconds of a clock that all processes share. */
function record(n: number): string {
  const [seconds, nanos] = process.hrtime()
  return JSON.stringify({ t: seconds * 1_000_000 + Math.round(nanos / 1000), d: `token ${n % 10_000} ` })
}

async function produce(subject: Subject, { streams, rate, records }: Load): Promise<void> {
  if (rate === 0) {
    for (let n = 0; n < records; n++) {
      await subject.put(0, record(n))
      // A provider reads its records from a socket: it takes turns with everything else.
      if (n % 64 === 63) await turn()
    }
    return
  }
  const total = streams * records
  const begun = performance.now()
  for (let made = 0; made < total;) {
    const due = Math.min(total, Math.floor(((performance.now() - begun) / 1000) * rate * streams))
    for (; made < due; made++) void subject.put(made % streams, record(made))
    await sleep(1)
  }
}

const [kind, streams] = process.argv.slice(2)
const subject = await (kind === 'ws' ? bareWs(Number(streams)) : millrace(Number(streams)))
const reply = (message: ServerReply): void => void process.send?.(message)
let base = process.cpuUsage()
process.on('message', (request: ServerRequest) => {
  if (request.type === 'reset') base = process.cpuUsage()
  else if (request.type === 'produce')
    void produce(subject, request.load).then(() => reply({ type: 'produced' }))
  else {
    const { user, system } = process.cpuUsage(base)
    reply({ type: 'usage', cpuMicros: user + system, userMicros: user, rss: process.memoryUsage.rss() })
  }
})
process.on('disconnect', () => process.exit(0))
reply({ type: 'listening', port: subject.port })
