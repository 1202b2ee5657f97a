/** One client for each address, however many components ask for it. */
import { type StreamClient, connect } from '../client/stream-client.ts'

const clients = new Map<string, StreamClient>()

/** Never closed: a client that nobody reads through has no connection before long, and is small. */
export function clientOf(target: StreamClient | string): StreamClient {
  if (typeof target !== 'string') return target
  let client = clients.get(target)
  if (!client) {
    client = connect(target)
    clients.set(target, client)
  }
  return client
}
