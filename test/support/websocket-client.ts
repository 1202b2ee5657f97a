import type { IncomingHttpHeaders } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'

export interface WebSocketClientOptions extends ClientOptions {
  readonly subprotocols?: string[]
}

/** The server answered a handshake with something else than 101. */
export class HandshakeRefused extends Error {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: unknown

  constructor(status: number, headers: IncomingHttpHeaders, body: string) {
    super(`The handshake was answered with ${status}: ${body}`)
    this.status = status
    this.headers = headers
    this.body = JSON.parse(body) as unknown
  }
}

/** A client whose messages wait to be taken. */
export class WebSocketClient implements AsyncDisposable {
  readonly socket: WebSocket
  /** Headers of the answer to the handshake. */
  readonly headers: IncomingHttpHeaders
  /** How the connection ended. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #messages: (string | Buffer)[] = []
  readonly #takers: ((message: string | Buffer) => void)[] = []

  static connect(
    url: string,
    { subprotocols = [], ...options }: WebSocketClientOptions = {},
  ): Promise<WebSocketClient> {
    const socket = new WebSocket(url, subprotocols, { perMessageDeflate: false, ...options })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('unexpected-response', (_request, response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('end', () =>
          reject(new HandshakeRefused(response.statusCode ?? 0, response.headers, body)),
        )
      })
      // Made with the answer, not when it is open: the first message may come in the same read.
      socket.once('upgrade', ({ headers }) => {
        const client = new WebSocketClient(socket, headers)
        socket.once('open', () => resolve(client))
      })
    })
  }

  private constructor(socket: WebSocket, headers: IncomingHttpHeaders) {
    this.socket = socket
    this.headers = headers
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    socket.on('message', (data: Buffer, isBinary) => {
      const message = isBinary ? data : data.toString()
      const take = this.#takers.shift()
      if (take) take(message)
      else this.#messages.push(message)
    })
  }

  send(data: string | Uint8Array): void {
    this.socket.send(data)
  }

  sendJson(value: unknown): void {
    this.send(JSON.stringify(value))
  }

  /** The next message. Rejects when the connection ends first. */
  async receive(): Promise<string | Buffer> {
    const message = this.#messages.shift()
    if (message !== undefined) return message
    return await Promise.race([
      new Promise<string | Buffer>((resolve) => this.#takers.push(resolve)),
      this.#rejectAtEnd(),
    ])
  }

  async receiveJson(): Promise<unknown> {
    return JSON.parse(String(await this.receive())) as unknown
  }

  /** Closes as clients do, and waits for the end. */
  async close(code?: number): Promise<void> {
    this.socket.close(code)
    await this.closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.closed
  }

  async #rejectAtEnd(): Promise<never> {
    const { code, reason } = await this.closed
    throw new Error(`The connection closed with ${code} ${reason}`)
  }
}
