/** Attaches an application to a server that belongs to another program. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ServedApplication } from './served-application.ts'
import { Gateway } from './gateway.ts'
import type { ConnectionOptions } from './options.ts'
import { SharedServer } from './shared-server.ts'

/** An application on a server that belongs to another program. */
export interface Attachment {
  /**
   * A listener for `node:http`, and a middleware for Express and Connect. Answers the application's HTTP
   * routes and passes other requests on.
   */
  readonly handle: (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    next?: (error?: unknown) => void,
  ) => void
  /** Closes the application's WebSockets with 1012 and removes its listeners. The server goes on. */
  close(): Promise<void>
  readonly closed: Promise<void>
}

/** @throws {Error} when the application is already attached to this server. */
export function attach(
  application: ServedApplication,
  server: Server,
  options: ConnectionOptions,
): Attachment {
  const shared = SharedServer.of(server, application)
  const gateway = shared.add(application, () => new Gateway(application, options))
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  let closing: Promise<void> | undefined
  const end = async (): Promise<void> => {
    await gateway.drain()
    shared.remove(application)
    resolve()
  }
  return {
    handle: (incoming, outgoing, next) => {
      if (next && !gateway.serves(incoming)) return next()
      shared.whenDue(incoming, outgoing, () => gateway.handle(incoming, outgoing))
    },
    close: () => (closing ??= end()),
    closed,
  }
}
