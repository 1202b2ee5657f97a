/**
 * A reader that does no more than count records, and time some: a bare socket, so that the server is
 * what is measured. All readers of a process share the memory they read into.
 */
import { Buffer } from 'node:buffer'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Latencies } from '../harness/latencies.ts'
import { MessageReader, greetingOf, masked, requestOf } from './dialect.ts'
import type { Dialect } from './dialect.ts'
import { nowMicros } from './record.ts'

export interface LeanReaderOptions {
  readonly port: number
  readonly dialect: Dialect
  readonly stream: string
  /** Of the request; `/` when it is not given. */
  readonly path?: string
  /** Where the age of records is kept, in readers that time them. */
  readonly latencies?: Latencies | undefined
  /** Called with every batch of records, and the reader. */
  readonly onRecords: (reader: LeanReader) => void
}

const EMPTY = Buffer.alloc(0)
const EVENT_END = Buffer.from('\n\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const TIME = Buffer.from('"t":')
const SHARED = Buffer.allocUnsafe(256 * 1024)

export class LeanReader {
  records = 0
  /** Messages with records. */
  frames = 0
  bytes = 0
  /** Resolves when the server said that it is subscribed. */
  readonly ready: Promise<void>
  readonly #options: LeanReaderOptions
  readonly #messages: MessageReader
  readonly #socket: Socket
  readonly #subscribed: () => void
  #upgraded = false
  /** The begin of what is not there as a whole yet. */
  #rest: Buffer = EMPTY
  /** Bytes that are not looked at: the end of a message that was counted by its begin. */
  #skip = 0

  constructor(options: LeanReaderOptions) {
    const { port, dialect, stream, path } = options
    this.#options = options
    this.#messages = new MessageReader(dialect, stream)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#subscribed = resolve
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        // Where reads are asynchronous each socket needs memory of its own.
        buffer: process.platform === 'win32' ? Buffer.allocUnsafe(65_536) : SHARED,
        callback: (size, buffer) => this.#read(buffer as Buffer, size),
      },
    })
    this.#socket.on('error', (error) => {
      throw error
    })
    this.#socket.write(requestOf(dialect, stream, path))
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(buffer: Buffer, size: number): boolean {
    this.bytes += size
    let data = buffer.subarray(0, size)
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, size)
      this.#skip -= skipped
      if (skipped === size) return true
      data = data.subarray(skipped)
    }
    if (this.#rest.length > 0) data = Buffer.concat([this.#rest, data])
    let used = this.#upgraded ? 0 : this.#upgrade(data)
    if (this.#upgraded)
      used = this.#options.dialect === 'events' ? this.#events(data, used) : this.#frames(data, used)
    this.#rest = used >= data.length ? EMPTY : Buffer.from(data.subarray(used))
    return true
  }

  #upgrade(data: Buffer): number {
    const end = data.indexOf(HEAD_END)
    if (end < 0) return 0
    const { dialect, stream } = this.#options
    const status = data.toString('latin1', 9, 12)
    if (status !== '101' && status !== '200') throw new Error(`the server answered ${status}`)
    this.#upgraded = true
    const greeting = greetingOf(dialect, stream)
    if (greeting !== undefined) this.#socket.write(masked(greeting))
    if (dialect === 'messages') this.#subscribed()
    return end + HEAD_END.length
  }

  /** Returns how much of it was used. */
  #frames(data: Buffer, from: number): number {
    let at = from
    while (data.length - at >= 2) {
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
      const end = at + head + length
      if (end > data.length && !this.#canSkip(data.length - at - head)) break
      this.#message(data.subarray(at + head, Math.min(end, data.length)), (data[at] as number) & 0x0f)
      if (end > data.length) {
        this.#skip = end - data.length
        return data.length
      }
      at = end
    }
    return at
  }

  /** Whether the begin of a message says all: those who time records look at the end as well. */
  #canSkip(there: number): boolean {
    return !this.#options.latencies && there >= this.#messages.headLength
  }

  #message(payload: Buffer, opcode: number): void {
    if (opcode === 9) return void this.#socket.write(PONG)
    if (opcode === 8) throw new Error(`the server closed with ${payload.readUInt16BE(0)}`)
    const meaning = this.#messages.read(payload)
    if (typeof meaning === 'number') this.#got(meaning, payload)
    else if (meaning === 'subscribed') this.#subscribed()
    else if (meaning) this.#socket.write(masked(meaning.answer))
  }

  /** Server-sent events. The lengths of chunks between them do no harm. */
  #events(data: Buffer, from: number): number {
    let at = from
    for (let end = data.indexOf(EVENT_END, at); end >= 0; end = data.indexOf(EVENT_END, at)) {
      const event = data.subarray(at, end)
      if (event.includes(TIME)) this.#got(1, event)
      else this.#subscribed()
      at = end + EVENT_END.length
    }
    return at
  }

  #got(records: number, payload: Buffer): void {
    this.records += records
    this.frames++
    if (this.#options.latencies) this.#time(payload, this.#options.latencies)
    this.#options.onRecords(this)
  }

  #time(payload: Buffer, latencies: Latencies): void {
    const now = nowMicros()
    for (let at = payload.indexOf(TIME); at >= 0; at = payload.indexOf(TIME, at)) {
      at += TIME.length
      // From Python there is a space.
      while (payload[at] === 0x20) at++
      let made = 0
      for (
        let digit = payload[at] as number;
        digit >= 0x30 && digit <= 0x39;
        digit = payload[++at] as number
      ) {
        made = made * 10 + digit - 0x30
      }
      latencies.add(now - made)
    }
  }
}

const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
