/** The listeners of Millrace's own server: for requests, upgrades and errors. */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { FloodLog } from '../../logging/flood-log.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { ServedApplication } from '../served-application.ts'
import { DescriptorWatch, descriptorLimit } from './descriptors.ts'
import type { Gateway } from '../gateway.ts'
import { answerOnSocket } from '../websocket/handshake.ts'
import { type ProbedServer, answerProbe } from '../health.ts'
import { Pipelines } from '../http/pipelines.ts'
import { SpareConnections } from './spare-connections.ts'

/** Descriptors that are kept for files, stores and spare connections. */
const RESERVED_DESCRIPTORS = 256

export function connectEvents(
  server: Server,
  gateway: Gateway,
  application: ServedApplication,
  worker: number | undefined,
): void {
  const { logger } = application
  const floods = new FloodLog(logger)
  const pipelines = new Pipelines(server, floods)
  const spare = new SpareConnections(server, connectionLimit(gateway, application))
  const descriptors = new DescriptorWatch(floods)
  const { serverName } = gateway.options
  const probed: ProbedServer = {
    get draining() {
      return gateway.draining
    },
    worker,
  }
  server.on('connection', () => descriptors.lookSoon())
  server.on('request', (incoming, outgoing) => {
    pipelines.add(incoming, outgoing).whenDue(outgoing, () => {
      const isSpare = spare.isSpare(incoming.socket)
      if (isSpare) outgoing.setHeader('connection', 'close')
      if (answerProbe(incoming, outgoing, application.options, probed)) return
      if (isSpare) gateway.refuse(incoming, outgoing, full(floods))
      else gateway.handle(incoming, outgoing)
    })
  })
  server.on('upgrade', (incoming, socket, head) =>
    pipelines.upgrade(socket, head, (bytes) => {
      if (spare.isSpare(socket)) answerOnSocket(socket.on('error', ignore), full(floods), serverName)
      else gateway.upgrade(incoming, socket, bytes)
    }),
  )
  // Without a listener Node would cut the connection, and answers that are not sent yet with it.
  server.on('connect', (_incoming, socket, head) =>
    pipelines.upgrade(socket, head, () =>
      answerOnSocket(socket.on('error', ignore), new HttpError('bad_request'), serverName),
    ),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET') return void socket.destroy()
    pipelines.of(socket).fail(error.code === REQUEST_TIMEOUT, (outgoing) => {
      // An answer has begun, and further bytes would become part of it.
      if (outgoing?.headersSent) socket.destroy()
      else answerOnSocket(socket, clientError(error.code), serverName)
    })
  })
  server.on('drop', () => floods.warn({}, 'connection dropped: too many connections are open'))
  server.on('listening', () =>
    server.on('error', (error: NodeJS.ErrnoException) =>
      floods.error({ err: error }, 'connection not accepted'),
    ),
  )
}

/** The limit of connections. WebSockets have a limit of their own, which is answered. */
function connectionLimit(gateway: Gateway, { logger }: ServedApplication): number {
  const wanted = gateway.options.maxConnections * 2
  const limit = descriptorLimit()
  if (limit === undefined || limit - RESERVED_DESCRIPTORS >= wanted) return wanted
  const connections = Math.max(16, limit - RESERVED_DESCRIPTORS)
  if (connections < gateway.options.maxConnections) {
    logger.warn(
      { maxConnections: gateway.options.maxConnections, descriptors: limit, connections },
      'connections are limited below maxConnections: raise the limit of file descriptors (ulimit -n, LimitNOFILE)',
    )
  }
  return connections
}

const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT'

function full(floods: FloodLog): HttpError {
  floods.warn({}, 'connection refused: too many connections are open')
  return new HttpError('too_many_connections', undefined, { 'retry-after': '5' })
}

function clientError(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW') return new HttpError('headers_too_large')
  if (code === REQUEST_TIMEOUT) return new HttpError('request_timeout')
  return new HttpError('bad_request')
}

function ignore(): void {}
