/** A client of HTTP/1.1 that costs little: one connection, one request at a time, answers in ASCII. */
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'

export interface Answer {
  readonly status: number
  /** As it came: its lines, names in any case. */
  readonly head: string
  readonly body: string
}

export class HttpSocket {
  /** That came, heads and all. */
  bytes = 0
  /** Gets what comes of an answer that does not end, from its head on. */
  onText: ((text: string) => void) | undefined
  readonly #socket: Socket
  readonly #host: string
  #text = ''
  #answered: ((answer: Answer) => void) | undefined

  private constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.#host = `127.0.0.1:${port}`
    socket.setNoDelay(true)
    socket.on('data', (data) => this.#take(data))
  }

  static async open(port: number): Promise<HttpSocket> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new HttpSocket(socket, port)
  }

  /** Sends a request; resolves with its answer. */
  ask(method: string, path: string, body?: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#answered = resolve
      this.start(method, path, body)
    })
  }

  /** Sends a request whose answer goes to `onText`. */
  start(method: string, path: string, body?: string): void {
    const content =
      body === undefined ? '' : `content-type: application/json\r\ncontent-length: ${body.length}\r\n`
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${content}\r\n${body ?? ''}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    this.bytes += data.length
    const text = data.toString('latin1')
    if (this.onText) return this.onText(text)
    this.#text += text
    const answer = answerIn(this.#text)
    if (!answer) return
    this.#text = ''
    this.#answered?.(answer)
  }
}

function answerIn(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const status = Number(head.slice(9, 12))
  const answer = { status, head, body: text.slice(end + 4) }
  if (status === 204 || status === 304) return answer
  const length = headerOf(head, 'content-length')
  if (length !== undefined) return answer.body.length >= Number(length) ? answer : undefined
  // No record ends so.
  return text.endsWith('\r\n0\r\n\r\n') || text.endsWith('\r\n\r\n0\r\n\r\n') ? answer : undefined
}

/** @param name in lower case. */
export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]?.trimEnd()
}
