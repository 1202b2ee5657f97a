/** The conformance suite of the Durable Streams protocol, as it is published, against some server. */
import { runConformanceTests } from '@durable-streams/server-conformance-tests'
import { afterAll, beforeAll, beforeEach, type RunnerTestSuite } from 'vitest'
import { type StreamStore, durableStreams, streaming } from '../../src/index.ts'
import { serve } from '../support/server.ts'

/** Seconds that a long poll waits: some of the suite's tests wait for the end of several. */
export const LONG_POLL = 0.5

/** Milliseconds for tests about it, by a second more, on a machine that may have other work. */
const PATIENCE = 30_000

interface Served {
  readonly url: string
  close(): Promise<void>
}

/**
 * Registers the suite's tests. The six of webhook subscriptions are about another product.
 *
 * @param skipped says of a section, by its title, why its tests are left out.
 */
export function conforms(
  start: () => Promise<Served>,
  skipped?: (section: string) => string | undefined,
): void {
  // Read by each test, when the server has its port.
  const target = { baseUrl: '', longPollTimeoutMs: PATIENCE, subscriptions: false }
  let server: Served | undefined
  beforeAll(async () => {
    server = await start()
    target.baseUrl = server.url
  })
  afterAll(() => server?.close())
  beforeEach(({ task, skip }) => {
    const why = skipped?.(sectionsOf(task.suite).join(' / '))
    if (why !== undefined) skip(why)
  })
  runConformanceTests(target)
}

/** The same against a server in this process. */
export function conformsOver(open: () => StreamStore | Promise<StreamStore>): void {
  conforms(async () => {
    const streams = streaming({ store: await open() })
    const options = { ...streams.services, longPollTimeout: LONG_POLL, origins: '*' } as const
    const server = await serve({ routes: [durableStreams('/v1/stream', options)], streams })
    return { url: server.url(''), close: () => server.app.close() }
  })
}

function sectionsOf(suite: RunnerTestSuite | undefined): string[] {
  return suite ? [...sectionsOf(suite.suite), suite.name] : []
}
