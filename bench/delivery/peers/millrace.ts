/** Millrace: a store, delivery, and the stream socket. */
import { memoryChannels } from '../../../src/channels/memory/layer.ts'
import { Delivery } from '../../../src/delivery/delivery.ts'
import { silentLogger } from '../../../src/logging/logger.ts'
import { streamSocket } from '../../../src/routing/stream-routes.ts'
import { Application } from '../../../src/server/application.ts'
import { memory } from '../../../src/streams/memory/store.ts'
import { openSqlite } from '../../../src/streams/sqlite/store.ts'
import { streamName } from './peer.ts'
import type { Peer, PeerOptions } from './peer.ts'

export async function millrace({ streams, history, store: file }: PeerOptions): Promise<Peer> {
  const store = file === undefined ? memory() : openSqlite(file)
  const delivery = new Delivery({ store })
  const names = Array.from({ length: streams }, (_, stream) => streamName(stream))
  const records = history.map((record) => JSON.stringify(record))
  for (const name of names) {
    await store.create(name)
    for (let at = 0; at < records.length; at += 1000) {
      await store.append(name, { records: records.slice(at, at + 1000) })
    }
  }
  const routes = [streamSocket('/', { store, delivery })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const { port } = await application.listen({ port: 0, maxConnections: 20_000 })
  return {
    port,
    put: (stream, record) => store.append(names[stream] as string, { records: [JSON.stringify(record)] }),
  }
}
