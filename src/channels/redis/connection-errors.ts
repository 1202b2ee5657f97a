/** What a connection to Redis throws on behalf of a channel layer. */
import type { ConnectionErrors } from '../../redis/connection.ts'
import { layerClosed, layerUnavailable } from '../errors.ts'

export const CONNECTION_ERRORS: ConnectionErrors = {
  closed: () => layerClosed(),
  unavailable: (what, uncertain, cause) => layerUnavailable(what, uncertain, cause),
}
