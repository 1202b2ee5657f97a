import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Application } from './application.ts'
import { Gateway } from './gateway.ts'
import type { ConnectionOptions } from './options.ts'

/** An application's place on a server that belongs to somebody else. */
export interface Attachment {
  /**
   * A listener for `node:http` and a middleware for Express and Connect: answers the application's
   * HTTP routes and passes everything else on.
   */
  readonly handle: (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    next?: (error?: unknown) => void,
  ) => void
  /** Closes the application's WebSockets with 1012 and lets go of the server, which goes on. */
  close(): Promise<void>
  readonly closed: Promise<void>
}

export function attach(application: Application, server: Server, options: ConnectionOptions): Attachment {
  const gateway = new Gateway(application, options)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const onUpgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Others may serve upgrades on this server too, a development server's reload for example.
    gateway.upgrade(incoming, socket, head, server.listenerCount('upgrade') > 1)
  }
  server.on('upgrade', onUpgrade)
  let closing: Promise<void> | undefined
  const end = async (): Promise<void> => {
    await gateway.drain()
    server.off('upgrade', onUpgrade)
    resolve()
  }
  return {
    handle: (incoming, outgoing, next) => gateway.handle(incoming, outgoing, next),
    close: () => (closing ??= end()),
    closed,
  }
}
