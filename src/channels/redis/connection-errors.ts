/** What a connection to Redis throws on behalf of a channel layer. */
import type { ConnectionErrors } from '../../redis/connection.ts'
import { ChannelLayerClosed, ChannelLayerUnavailable } from '../errors.ts'

export const CONNECTION_ERRORS: ConnectionErrors = {
  closed: () => new ChannelLayerClosed(),
  unavailable: (what, uncertain, cause) => new ChannelLayerUnavailable(what, uncertain, cause),
}
