/** A server with both endpoints to its streams, for clients of flesh and blood. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Json,
  type ListenOptions,
  type Route,
  type RunProvider,
  type StreamStore,
  httpStreams,
  memory,
  millrace,
  silentLogger,
  streamSocket,
  streaming,
} from '../../src/index.ts'
import { asRun } from '../support/as-run.ts'

export interface StreamsServer extends AsyncDisposable {
  readonly port: number
  readonly store: StreamStore
  /** The address of the stream socket. The other endpoint is `/streams`. */
  readonly url: string
  /** Appends these records to a stream, and creates it where it is not there. */
  append(id: string, ...records: readonly Json[]): Promise<void>
}

/** Runs that clients start: count to the input, say it without end, or fail. */
function provider(input: Json): RunProvider {
  return async function* ({ signal }) {
    if (typeof input === 'number') for (let n = 0; n < input; n++) yield { n }
    else if (input === 'fail') throw new Error('A secret of the server')
    else
      for (;;) {
        yield input ?? 'null'
        await sleep(5, undefined, { signal })
      }
  }
}

export async function startStreams(
  store: StreamStore = memory(),
  listen: ListenOptions = {},
  routes: readonly Route[] = [],
): Promise<StreamsServer> {
  const streams = streaming({ store, runs: { any: { run: asRun(provider) } }, shutdownGrace: 0 })
  const { delivery, runs } = streams
  const options = {
    store,
    delivery,
    runs,
    start: ({ input, chat, id }: { input: Json; chat?: string; id?: string }) =>
      runs.start({ kind: 'any', input, ...(chat && { chat }), ...(id && { id }) }),
    returnAfter: 0.05,
    returnSpread: 0.1,
  }
  const app = millrace({
    logger: silentLogger,
    streams,
    routes: [...routes, streamSocket('/ws', options), httpStreams('/streams', options)],
  })
  const { port } = await app.listen({ port: 0, ...listen })
  return {
    port,
    store,
    url: `ws://127.0.0.1:${port}/ws`,
    append: async (id, ...records) => {
      await store.create(id)
      await store.append(id, { records: records.map((record) => JSON.stringify(record)) })
    },
    [Symbol.asyncDispose]: () => app.close(),
  }
}
