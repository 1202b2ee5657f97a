/** How a reader asks for a stream, and what tells it of records: four protocols at their barest. */
import { Buffer } from 'node:buffer'
import { STREAM_SUBPROTOCOL } from '../../src/protocol/stream-frames.ts'

export type Dialect = 'millrace' | 'ws' | 'ws-turn' | 'socket.io' | 'events' | 'messages'

/** The request that opens a connection. */
export function requestOf(dialect: Dialect, stream: string, path: string = '/'): string {
  if (dialect === 'events') {
    return `GET /${stream} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`
  }
  const target = dialect === 'socket.io' ? '/socket.io/?EIO=4&transport=websocket' : path
  const subprotocol = dialect === 'millrace' ? `Sec-WebSocket-Protocol: ${STREAM_SUBPROTOCOL}\r\n` : ''
  return (
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${subprotocol}\r\n`
  )
}

/** What is sent once the connection is open, to begin with. */
export function greetingOf(dialect: Dialect, stream: string): string | undefined {
  const asks = dialect === 'millrace' || dialect === 'ws' || dialect === 'ws-turn'
  return asks ? `{"type":"subscribe","sub":${SUB},"stream":"${stream}"}` : undefined
}

/** What a message means: so many records, that the reader is subscribed, or what to answer. */
export type Meaning = number | 'subscribed' | { readonly answer: string } | undefined

/** The number of the one subscription of a reader of Millrace's. The others have none, and pass it over. */
const SUB = 1

const OFFSET = Buffer.from('"offset":"')
const CURLY = 0x7b
const DIGIT_0 = 0x30

/** Reads WebSocket messages. One for each reader: Millrace's says at which place records begin. */
export class MessageReader {
  readonly #dialect: Dialect
  readonly #stream: string
  readonly #fromAt: number
  #position = 0

  constructor(dialect: Dialect, stream: string) {
    this.#dialect = dialect
    this.#stream = stream
    this.#fromAt = `{"type":"records","sub":${SUB},"from":"`.length
  }

  /** How much of a message has to be there to know what it means. */
  get headLength(): number {
    return this.#fromAt + 160
  }

  /** @throws {Error} when records are missing or come twice. */
  read(payload: Buffer): Meaning {
    switch (this.#dialect) {
      case 'millrace':
        return this.#readMillrace(payload)
      case 'ws':
        // `{"t":` begins a record, `{"type":` the answer.
        return payload[3] === 0x22 ? 1 : 'subscribed'
      case 'ws-turn':
        // `{"n":12,` begins records, `{"type":` the answer.
        return payload[3] === 0x22 ? digits(payload, 5) : 'subscribed'
      case 'socket.io':
        return this.#readSocketIo(payload)
      case 'messages':
        return 1
      case 'events':
        return undefined
    }
  }

  #readMillrace(payload: Buffer): Meaning {
    // `{"type":"records"` or `{"type":"subscribed"`.
    if (payload[9] === 0x73) return 'subscribed'
    if (payload[9] !== 0x72) throw new Error(`the server said ${payload.toString()}`)
    const from = digits(payload, this.#fromAt)
    const next = digits(payload, payload.indexOf(OFFSET, this.#fromAt) + OFFSET.length)
    if (from !== this.#position)
      throw new Error(`stream ${this.#stream}: at ${this.#position} came records from ${from}`)
    this.#position = next
    return next - from
  }

  /** Engine.IO 4: `0` open, `2` ping, `4` message; of those Socket.IO 5: `0` connected, `2` event. */
  #readSocketIo(payload: Buffer): Meaning {
    const [kind, packet, , event] = payload
    if (kind === DIGIT_0) return { answer: '40' }
    if (kind === DIGIT_0 + 2) return { answer: '3' }
    if (packet === DIGIT_0) return { answer: `42["subscribe","${this.#stream}"]` }
    // `42["r",{`: the third character of a packet is a bracket, the fourth a quote.
    return event === 0x22 && payload[4] === 0x72 && payload[7] === CURLY ? 1 : 'subscribed'
  }
}

/** The number that is written at a place: sixteen digits of an offset, or as many as there are. */
function digits(payload: Buffer, at: number): number {
  let number = 0
  for (let i = at; i < at + 16; i++) {
    const digit = (payload[i] as number) - DIGIT_0
    if (digit < 0 || digit > 9) break
    number = number * 10 + digit
  }
  return number
}

/** A client's frame, with a mask of zeros. */
export function masked(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}
