/**
 * Many lean readers in a process of their own: bare sockets that count records and time some. They do
 * no more than that, so that the server is what is measured.
 */
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'

export interface ReadersRequest {
  readonly port: number
  readonly streams: number
  readonly readersPerStream: number
  /** Records that each reader is to get. */
  readonly records: number
}

export type ReadersReply =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly latenciesMs: readonly number[]; readonly load: number }

/** Every so many-th reader times what it gets. */
const TIMED_EVERY = 20

let waiting = 0
let latencies: number[] = []
let base = process.cpuUsage()
let begun = performance.now()
const reply = (message: ReadersReply): void => void process.send?.(message)

class LeanReader {
  readonly #socket: Socket
  readonly #timed: boolean
  #rest: Buffer = Buffer.alloc(0)
  #left: number
  #upgraded = false
  readonly ready: Promise<void>
  #subscribed: () => void = () => {}

  constructor(port: number, stream: number, records: number, timed: boolean) {
    this.#left = records
    this.#timed = timed
    this.ready = new Promise((resolve) => (this.#subscribed = resolve))
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.write(
      'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Protocol: millrace.v1\r\n\r\n',
    )
    this.#socket.on('data', (chunk) => this.#read(chunk, stream))
    this.#socket.on('error', (error) => {
      throw error
    })
  }

  #read(chunk: Buffer, stream: number): void {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    if (!this.#upgraded) {
      const end = data.indexOf('\r\n\r\n')
      if (end < 0) return void (this.#rest = data)
      this.#upgraded = true
      data = data.subarray(end + 4)
      this.#socket.write(masked(`{"type":"subscribe","stream":"s${stream}"}`))
    }
    let at = 0
    for (;;) {
      if (data.length - at < 2) break
      let length = (data[at + 1] as number) & 0x7f
      let head = 2
      if (length === 126) {
        if (data.length - at < 4) break
        length = data.readUInt16BE(at + 2)
        head = 4
      } else if (length === 127) {
        if (data.length - at < 10) break
        length = Number(data.readBigUInt64BE(at + 2))
        head = 10
      }
      if (data.length - at < head + length) break
      this.#frame(data.subarray(at + head, at + head + length))
      at += head + length
    }
    this.#rest = at === data.length ? EMPTY : Buffer.from(data.subarray(at))
  }

  #frame(payload: Buffer): void {
    // `{"t":` is a record of bare ws; anything else a frame with a type.
    if (payload[2] === 0x74 && payload[3] === 0x22) this.#records(1, payload)
    else if (payload.indexOf('"records"') === 8) this.#records(countOf(payload), payload)
    else if (payload.indexOf('"subscribed"') === 8) this.#subscribed()
  }

  #records(count: number, payload: Buffer): void {
    if (this.#timed) {
      const now = Number(process.hrtime.bigint() / 1000n)
      for (const match of payload.toString('latin1').matchAll(/"t":(\d+)/g))
        latencies.push((now - Number(match[1])) / 1000)
    }
    this.#left -= count
    if (this.#left === 0 && --waiting === 0) finish()
  }
}

function finish(): void {
  const { user, system } = process.cpuUsage(base)
  reply({ type: 'done', latenciesMs: latencies, load: (user + system) / 1000 / (performance.now() - begun) })
}

const EMPTY = Buffer.alloc(0)

/** How many records a frame says it holds. */
function countOf(payload: Buffer): number {
  const from = payload.indexOf('"from":"') + 8
  const offset = payload.indexOf('"offset":"', from) + 10
  return (
    Number(payload.toString('latin1', offset, offset + 16)) -
    Number(payload.toString('latin1', from, from + 16))
  )
}

/** A client's frame, with a mask of zeros. */
function masked(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}

const [request] = (await once(process, 'message')) as [ReadersRequest]
waiting = request.streams * request.readersPerStream
const readers: LeanReader[] = []
for (let n = 0; n < waiting; n++) {
  const reader = new LeanReader(
    request.port,
    n % request.streams,
    request.records,
    waiting < TIMED_EVERY || n % TIMED_EVERY === 0,
  )
  readers.push(reader)
  if (n % 100 === 99) await reader.ready
}
await Promise.all(readers.map(({ ready }) => ready))
process.on('message', () => {
  latencies = []
  base = process.cpuUsage()
  begun = performance.now()
})
process.on('disconnect', () => process.exit(0))
reply({ type: 'ready' })
