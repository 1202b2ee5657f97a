/** What a server of Millrace's own does with what comes in: requests, upgrades, and what is neither. */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { FloodLog } from '../logging/flood-log.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Application } from './application.ts'
import type { Gateway } from './gateway.ts'
import { answerOnSocket } from './handshake.ts'
import { type ProbedServer, answerProbe } from './health.ts'
import { Pipelines } from './pipelines.ts'

export function connectEvents(
  server: Server,
  gateway: Gateway,
  application: Application,
  worker: number | undefined,
): void {
  const floods = new FloodLog(application.logger)
  const pipelines = new Pipelines(server, floods)
  const probed: ProbedServer = {
    get draining() {
      return gateway.draining
    },
    worker,
  }
  server.on('request', (incoming, outgoing) => {
    pipelines.add(incoming, outgoing).whenDue(outgoing, () => {
      if (!answerProbe(incoming, outgoing, application.options, probed)) gateway.handle(incoming, outgoing)
    })
  })
  server.on('upgrade', (incoming, socket, head) =>
    pipelines.upgrade(socket, head, (bytes) => gateway.upgrade(incoming, socket, bytes)),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET') return void socket.destroy()
    pipelines.of(socket).fail(error.code === REQUEST_TIMEOUT, (outgoing) => {
      // Whatever is written now would become part of an answer that has begun.
      if (outgoing?.headersSent) socket.destroy()
      else answerOnSocket(socket, clientError(error.code), gateway.options.serverName)
    })
  })
  server.on('drop', () => floods.warn({}, 'connection dropped: too many are open'))
}

const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT'

function clientError(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW') return new HttpError('headers_too_large')
  if (code === REQUEST_TIMEOUT) return new HttpError('request_timeout')
  return new HttpError('bad_request')
}
