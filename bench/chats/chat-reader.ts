/** A page that has asked, without a page: a bare socket that counts the deltas of its answer, and times some. */
import { Buffer } from 'node:buffer'
import { type Socket, connect } from 'node:net'
import { nowMicros } from '../delivery/record.ts'
import type { Latencies } from '../harness/latencies.ts'
import { END, MARK } from './delta.ts'

const MARK_BYTE = MARK.charCodeAt(0)
const END_BYTE = END.charCodeAt(0)
const EMPTY = Buffer.alloc(0)

export interface ChatReaderOptions {
  readonly port: number
  readonly chat: string
  readonly latencies?: Latencies | undefined
  readonly onDeltas: (reader: ChatReader) => void
}

export class ChatReader {
  deltas = 0
  /** Resolves with the begin of the answer. */
  readonly ready: Promise<void>
  readonly #options: ChatReaderOptions
  readonly #socket: Socket
  /** Of a timed reader: the begin of a delta that is not there as a whole yet. */
  #rest: Buffer = EMPTY

  constructor(options: ChatReaderOptions) {
    const { port, chat } = options
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.once('data', (data) => {
      if (!data.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(data.toString('latin1'))
      resolve()
    })
    this.#socket.on('data', (data) => this.#read(data))
    this.#socket.on('error', (error) => {
      throw error
    })
    this.#socket.write(requestOf(chat))
  }

  #read(data: Buffer): void {
    const { latencies, onDeltas } = this.#options
    const before = this.deltas
    if (latencies) this.#time(data, latencies)
    else for (let at = data.indexOf(MARK_BYTE); at >= 0; at = data.indexOf(MARK_BYTE, at + 1)) this.deltas++
    if (this.deltas > before) onDeltas(this)
  }

  #time(read: Buffer, latencies: Latencies): void {
    const now = nowMicros()
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, read]) : read
    this.#rest = EMPTY
    for (let at = data.indexOf(MARK_BYTE); at >= 0; at = data.indexOf(MARK_BYTE, at + 1)) {
      const end = data.indexOf(END_BYTE, at)
      if (end < 0) {
        this.#rest = Buffer.from(data.subarray(at))
        return
      }
      latencies.add(now - Number(data.toString('latin1', at + 1, end)))
      this.deltas++
    }
  }
}

function requestOf(chat: string): string {
  const body = JSON.stringify({
    id: chat,
    trigger: 'submit-message',
    messages: [{ id: `${chat}-m`, role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
  })
  return `POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
