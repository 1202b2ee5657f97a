import { type NetConnectOpts, type Socket, connect } from 'node:net'

/** An HTTP answer, as it came over the wire. */
export interface RawResponse {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A frame of a server: unmasked. */
export interface RawFrame {
  readonly opcode: number
  readonly payload: Buffer
}

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A TCP connection that says what it is told to, byte by byte, and answers nothing by itself. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket
  /** What came in each read. */
  readonly chunks: Buffer[] = []
  /** Resolves when the socket is closed; a reset is no error here. */
  readonly closed: Promise<void>
  #unread: Buffer = Buffer.alloc(0)
  #wake = Promise.withResolvers<void>()
  #ended = false

  static connect(options: NetConnectOpts): Promise<RawClient> {
    const socket = connect(options)
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => resolve(new RawClient(socket)))
    })
  }

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.#unread = Buffer.concat([this.#unread, chunk])
      this.#wake.resolve()
    })
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#ended = true
        this.#wake.resolve()
      })
    }
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data)
  }

  /** Writes a request line and headers; a Host is added, and a body after them if given. */
  request(line: string, headers: Readonly<Record<string, string>> = {}, body: string = ''): void {
    const all = { host: 'localhost', ...headers }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.write(`${line} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  }

  /** Asks for a WebSocket, in the same write as `early` frames. */
  upgrade(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    early: Uint8Array = new Uint8Array(),
  ): void {
    const handshake = {
      host: 'localhost',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    }
    const lines = Object.entries(handshake).map(([name, value]) => `${name}: ${value}\r\n`)
    this.write(Buffer.concat([Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), early]))
  }

  /** The next answer, whose body has a length. */
  async response(): Promise<RawResponse> {
    const head = await this.#take((unread) => {
      const end = unread.indexOf('\r\n\r\n')
      return end < 0 ? undefined : end + 4
    })
    const [first = '', ...lines] = head.toString('latin1').trimEnd().split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(':', 1)[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
    const length = Number(headers['content-length'] ?? 0)
    const body = await this.#take((unread) => (unread.length >= length ? length : undefined))
    return { status: Number(first.split(' ')[1]), headers, body: body.toString() }
  }

  /** The next frame. */
  async frame(): Promise<RawFrame> {
    const [first = 0, second = 0] = await this.#take((unread) => (unread.length >= 2 ? 2 : undefined))
    const extended = second === 126 ? 2 : second === 127 ? 8 : 0
    const tail = await this.#take((unread) => (unread.length >= extended ? extended : undefined))
    const length =
      extended === 2 ? tail.readUInt16BE() : extended === 8 ? Number(tail.readBigUInt64BE()) : second
    return {
      opcode: first & 0x0f,
      payload: await this.#take((unread) => (unread.length >= length ? length : undefined)),
    }
  }

  /** Code and reason of the next frame, which is a close frame. */
  async closeFrame(): Promise<{ code: number; reason: string }> {
    const { opcode, payload } = await this.frame()
    if (opcode !== OPCODES.close)
      throw new Error(`A frame with opcode ${opcode} came where a close frame was awaited`)
    return { code: payload.readUInt16BE(), reason: payload.subarray(2).toString() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
  }

  /** Waits until `count` says how many bytes to take. */
  async #take(count: (unread: Buffer) => number | undefined): Promise<Buffer> {
    for (;;) {
      const taken = count(this.#unread)
      if (taken !== undefined) {
        const bytes = this.#unread.subarray(0, taken)
        this.#unread = this.#unread.subarray(taken)
        return bytes
      }
      if (this.#ended) throw new Error(`The connection ended; unread: ${this.#unread.toString('latin1')}`)
      this.#wake = Promise.withResolvers()
      await this.#wake.promise
    }
  }
}

/** A client's frame, masked; `flags` are the bits above the opcode, of which `0x80` ends a message. */
export function clientFrame(opcode: number, payload: string | Uint8Array = '', flags: number = 0x80): Buffer {
  const data = Buffer.from(payload as Uint8Array)
  const length =
    data.length < 126
      ? [0x80 | data.length]
      : data.length < 65_536
        ? [0xfe, data.length >> 8, data.length & 0xff]
        : undefined
  const head = Buffer.from([flags | opcode, ...(length ?? [0xff])])
  const long = Buffer.alloc(length ? 0 : 8)
  if (!length) long.writeBigUInt64BE(BigInt(data.length))
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([head, long, Buffer.alloc(4), data])
}
