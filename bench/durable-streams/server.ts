/** A server of the Durable Streams protocol in a process of its own, which is measured from outside. */
import { silentLogger } from '../../src/logging/logger.ts'
import { millrace } from '../../src/millrace.ts'
import { durableStreams } from '../../src/routing/stream-routes.ts'
import { streaming } from '../../src/endpoints/streaming.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'

export interface ServerArguments {
  /** The module of the reference server; without it the server is Millrace. */
  readonly reference?: string
  /** A folder for what is kept on disk; without it everything is kept in memory. */
  readonly folder?: string
}

export interface ServerReply {
  readonly type: 'listening'
  readonly port: number
}

interface Reference {
  readonly DurableStreamTestServer: new (options: { readonly port: number; readonly dataDir?: string }) => {
    start(): Promise<string>
  }
}

const { reference, folder } = JSON.parse(process.argv[2] ?? '{}') as ServerArguments

async function listen(): Promise<string> {
  if (reference !== undefined) {
    // It tells of each slow append.
    console.info = () => {}
    const { DurableStreamTestServer } = (await import(reference)) as Reference
    return await new DurableStreamTestServer({
      port: 0,
      ...(folder !== undefined && { dataDir: folder }),
    }).start()
  }
  const store = folder === undefined ? memory() : openSqlite(`${folder}/streams.db`)
  const streams = streaming({ store, logger: silentLogger })
  const app = millrace({
    streams,
    logger: silentLogger,
    routes: [durableStreams('/v1/stream', streams.services)],
  })
  return (await app.listen({ port: 0 })).url
}

process.on('disconnect', () => process.exit(0))
const reply: ServerReply = { type: 'listening', port: Number(new URL(await listen()).port) }
process.send?.(reply)
