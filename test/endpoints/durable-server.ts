/** A real server of the Durable Streams protocol, and how it is asked. Ends with its test. */
import { afterEach } from 'vitest'
import { durableStreams, memory, streaming } from '../../src/index.ts'
import type { DurableStreamsOptions } from '../../src/endpoints/http/durable-streams.ts'
import type { ListenOptions } from '../../src/server/options.ts'
import type { Guards } from '../../src/routing/route.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { collectingLogger } from '../support/logger.ts'
import { type TestServer, serve } from '../support/server.ts'

export type Headers = Record<string, string>

export interface DurableServer extends TestServer {
  readonly store: StreamStore
  ask(method: string, path: string, headers?: Headers, body?: string): Promise<Response>
}

const servers: TestServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server[Symbol.asyncDispose]()))
})

export async function durableServer(
  options: Partial<DurableStreamsOptions> & Guards = {},
  listen: ListenOptions = {},
): Promise<DurableServer> {
  const log = collectingLogger()
  const streams = streaming({ store: memory(), logger: log })
  const route = durableStreams('/v1/stream', { ...streams.services, longPollTimeout: 0.05, ...options })
  const server = await serve({ routes: [route], streams, logger: log }, listen)
  servers.push(server)
  return {
    ...server,
    log,
    store: streams.store,
    ask: (method, path, headers = {}, body) =>
      fetch(server.url(`/v1/stream/${path}`), { method, headers, ...(body !== undefined && { body }) }),
  }
}

export const byHeader = (request: Request): string | null => request.headers.get('x-user')
export const ann: Headers = { 'x-user': 'ann' }
export const bob: Headers = { 'x-user': 'bob' }
export const JSON_TYPE: Headers = { 'content-type': 'application/json' }

/** Status and code of an answer, whose body is read to its end. */
export async function told(answer: Response): Promise<string> {
  const body = await answer.text()
  const code = answer.ok ? '' : (/"code":"(\w+)"/.exec(body)?.[1] ?? '')
  return `${answer.status} ${code}`.trim()
}
