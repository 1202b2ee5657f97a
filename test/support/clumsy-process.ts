/** A process whose handlers throw where nobody can catch it, told by what it writes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { WebSocketClient, type WebSocketClientOptions } from './websocket-client.ts'

/** Begins a script: what it imports, a `logger` that writes a line for each warning, and `soon`, which throws. */
export const HEAD = `
  import { ChannelConsumer, WebSocketConsumer, channel, http, httpStreams, memoryChannels, memory, millrace, streamSocket, streaming, websocket } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)}
  const say = (fields, message) => console.log(JSON.stringify({ message, err: fields.err?.message, path: fields.scope?.path, run: fields.run }))
  const logger = { debug() {}, info() {}, warn: say, error: say }
  const soon = (text) => setTimeout(() => { throw new Error(text) }, 1)
  process.once('SIGUSR2', () => setTimeout(() => { throw new Error('of nobody') }))
`

export interface Line {
  readonly message: string
  readonly [name: string]: unknown
}

export class ClumsyProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly exited: Promise<unknown[]>
  readonly errors: Promise<string>
  readonly #lines: AsyncIterator<string, undefined>
  url = ''

  private constructor(script: string) {
    const options = ['--conditions=millrace:source', '--input-type=module', '-e', script]
    this.#child = spawn(process.execPath, options, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.exited = once(this.#child, 'exit')
    this.errors = text(this.#child.stderr!)
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  static async start(script: string): Promise<ClumsyProcess> {
    const child = new ClumsyProcess(script)
    child.url = (await child.next()).message
    return child
  }

  async next(): Promise<Line> {
    for (;;) {
      const next = await this.#lines.next()
      if (next.done) throw new Error(`The server ended: ${await this.errors}`)
      const line = JSON.parse(next.value) as Line
      // A machine that stands still for a second has the server say so, whatever its handlers do.
      if (!line.message.startsWith('store was unavailable')) return line
    }
  }

  async text(path: string): Promise<string> {
    return await (await fetch(this.url + path)).text()
  }

  connect(path: string, options: WebSocketClientOptions = {}): Promise<WebSocketClient> {
    return WebSocketClient.connect(this.url.replace('http', 'ws') + path, options)
  }

  write(text: string): void {
    this.#child.stdin?.write(text)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }
}
