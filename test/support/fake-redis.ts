/** A server that speaks RESP and answers as a test says: for what no real Redis does when it is told. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** The answer to a command, in RESP; undefined for none. */
export type Answers = (command: readonly string[]) => string | undefined

export class FakeRedis {
  readonly port: number
  readonly #close: () => Promise<void>

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port
    this.#close = close
  }

  static async start(answers: Answers): Promise<FakeRedis> {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        text += data.toString('latin1')
        for (let read = readCommand(text); read; read = readCommand(text)) {
          text = text.slice(read.length)
          const answer = answers(read.command)
          if (answer !== undefined) socket.write(answer)
        }
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FakeRedis((server.address() as AddressInfo).port, async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    })
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async stop(): Promise<void> {
    await this.#close()
  }
}

/** The first command of a text, and how long it is; undefined when it is not whole. */
function readCommand(text: string): { command: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (!head) return undefined
  const command: string[] = []
  let at = head[0].length
  for (let n = 0; n < Number(head[1]); n++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20))
    if (!size) return undefined
    const start = at + size[0].length
    at = start + Number(size[1]) + 2
    if (text.length < at) return undefined
    command.push(text.slice(start, at - 2))
  }
  return { command, length: at }
}

/** A bulk string. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}
