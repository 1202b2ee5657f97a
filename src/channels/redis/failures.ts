/** The errors of calls to Redis, as a channel layer throws them. */
import type { ConnectionErrors } from '../../redis/connection.ts'
import { isChannelError, layerClosed, layerUnavailable } from '../errors.ts'

export const CONNECTION_ERRORS: ConnectionErrors = {
  closed: () => layerClosed(),
  unavailable: (what, uncertain, cause) => layerUnavailable(what, uncertain, cause),
}

/**
 * Waits for all requests that a call makes side by side.
 *
 * @throws the error of the first that failed. If that error says that nothing was done, and another request
 * was or may have been carried out, throws a `ChannelError` `channel_layer_unavailable` that is `uncertain`,
 * with the first error as its cause.
 */
export async function allOf<T>(requests: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(requests)
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  )
  if (failures.length === 0) return Promise.all(requests)
  const nothing = failures.length === results.length && failures.every(saysNothingWasDone)
  throw nothing ? failures[0] : partlyDone(failures[0])
}

/** Waits for the rest of a call of which a part was done. Throws as {@link allOf} does. */
export async function restOf<T>(rest: Promise<T>): Promise<T> {
  try {
    return await rest
  } catch (error) {
    throw partlyDone(error)
  }
}

function partlyDone(error: unknown): unknown {
  if (!saysNothingWasDone(error)) return error
  return layerUnavailable('Redis carried out only a part of the call', true, error)
}

function saysNothingWasDone(error: unknown): boolean {
  return isChannelError(error, 'channel_layer_unavailable') && !error.uncertain
}
