import type { Socket } from 'node:net'
import { type ListenOptions, type MillraceOptions, type Application, millrace } from '../../src/index.ts'
import type { RunningServer } from '../../src/server/listening/listener.ts'
import { type CollectingLogger, collectingLogger } from './logger.ts'
import { RawClient } from './raw-client.ts'
import { WebSocketClient, type WebSocketClientOptions } from './websocket-client.ts'

/** An application that listens on a free port of 127.0.0.1, or where the options say, until it is disposed. */
export interface TestServer extends AsyncDisposable {
  readonly app: Application
  readonly running: RunningServer
  readonly log: CollectingLogger
  /** The address of a path over HTTP. */
  url(path: string): string
  /** A WebSocket to a path, once it is open. Rejects with `HandshakeRefused`. */
  connect(path: string, options?: WebSocketClientOptions): Promise<WebSocketClient>
  /** A bare TCP connection. */
  raw(): Promise<RawClient>
  /** The server's end of the next connection. */
  nextSocket(): Promise<Socket>
}

export async function serve(options: MillraceOptions, listen: ListenOptions = {}): Promise<TestServer> {
  const log = collectingLogger()
  const app = millrace({ logger: log, ...options })
  const running = await app.listen({ port: 0, ...listen })
  return {
    app,
    running,
    log,
    url: (path) => running.url + path,
    connect: (path, clientOptions) =>
      WebSocketClient.connect(running.url.replace('http', 'ws') + path, clientOptions),
    raw: () => RawClient.connect({ port: running.port, host: '127.0.0.1' }),
    nextSocket: () => new Promise((resolve) => running.server.once('connection', resolve)),
    [Symbol.asyncDispose]: () => app.close(),
  }
}
