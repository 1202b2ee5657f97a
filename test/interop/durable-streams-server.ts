/** A server of the Durable Streams protocol in a process of its own, which can be killed and comes back at its address. */
import { ClumsyProcess } from '../support/clumsy-process.ts'

const SOURCE = JSON.stringify(new URL('../../src', import.meta.url).href)

const script = (path: string, port: number): string => `
  import { durableStreams, http, millrace, sqlite, streamSocket, streaming } from ${SOURCE.replace(/"$/, '/index.ts"')}
  const streams = streaming({ store: sqlite(${JSON.stringify(path)}) })
  const app = millrace({
    streams,
    routes: [
      http('/', () => new Response('<!doctype html><title>Streams</title>', { headers: { 'content-type': 'text/html' } })),
      durableStreams('/v1/stream', streams.services),
      streamSocket('/ws', streams.services),
    ],
  })
  const { url } = await app.listen({ port: ${port} })
  process.once('SIGTERM', () => void app.close())
  console.log(JSON.stringify({ message: url }))
`

export class DurableStreamsServer implements AsyncDisposable {
  readonly #path: string
  #process: ClumsyProcess
  /** With a slash at its end. */
  readonly url: string

  private constructor(path: string, process: ClumsyProcess) {
    this.#path = path
    this.#process = process
    this.url = new URL('/', process.url).href
  }

  /** Over the SQLite file at a path. */
  static async start(path: string): Promise<DurableStreamsServer> {
    return new DurableStreamsServer(path, await ClumsyProcess.start(script(path, 0)))
  }

  stream(name: string): string {
    return `${this.url}v1/stream/${name}`
  }

  /** Ends the process by a signal, and starts another in its place. */
  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#process.signal(signal)
    await this.#process.exited
    this.#process = await ClumsyProcess.start(script(this.#path, Number(new URL(this.url).port)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
  }
}
