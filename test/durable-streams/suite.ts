/** The conformance suite of the Durable Streams protocol, as it is published, against a server over some store. */
import { runConformanceTests } from '@durable-streams/server-conformance-tests'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type StreamStore, durableStreams, streaming } from '../../src/index.ts'
import { type TestServer, serve } from '../support/server.ts'

/** Seconds that a long poll waits: some of the suite's tests wait for the end of several. */
const LONG_POLL = 0.5

/** Milliseconds for tests about it, by a second more, on a machine that may have other work. */
const PATIENCE = 30_000

/**
 * Registers the suite's tests. The six of webhook subscriptions are about another product.
 *
 * @param cannot says why tests of forks are skipped.
 */
export function conformsOver(
  open: () => StreamStore | Promise<StreamStore>,
  cannot: { readonly fork?: string } = {},
): void {
  // Read by each test, when the server has its port.
  const target = { baseUrl: '', longPollTimeoutMs: PATIENCE, subscriptions: false }
  let server: TestServer
  beforeAll(async () => {
    const streams = streaming({ store: await open() })
    const routes = [
      durableStreams('/v1/stream', { ...streams.services, longPollTimeout: LONG_POLL, origins: '*' }),
    ]
    server = await serve({ routes, streams })
    target.baseUrl = server.url('')
  })
  afterAll(() => server[Symbol.asyncDispose]())
  beforeEach(({ task, skip }) => {
    if (cannot.fork !== undefined && task.suite?.name.startsWith('Fork')) skip(cannot.fork)
  })
  runConformanceTests(target)
}
