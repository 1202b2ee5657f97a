/** What a hook shows a stream of, and which client that is. */
import type { ClientRun } from '../client/client-runs.ts'
import { connect } from '../client/connect.ts'
import type { StreamClient } from '../client/stream-client.ts'

/** A kind of run of a client, a client, or an address for `connect`. */
export type StreamTarget = ClientRun<never, unknown> | StreamClient | string

/** One for each address, however many components ask. One that nobody reads through loses its connection soon. */
const clients = new Map<string, StreamClient>()

export function clientOf(target: StreamTarget): StreamClient {
  if (typeof target !== 'string') return 'client' in target ? target.client : target
  let client = clients.get(target)
  if (!client) clients.set(target, (client = connect(target)))
  return client
}

/** Which of the application's runs a start is for; undefined for the application's own handler. */
export function runKindOf(target: StreamTarget): string | undefined {
  return typeof target === 'object' && 'kind' in target ? target.kind : undefined
}
