/** Errors of calls that take several requests: what failed last does not say that nothing was done before. */
import { isChannelError, layerUnavailable } from '../errors.ts'

/**
 * All of the requests that a call makes side by side, once none is under way.
 *
 * @throws what the first of them failed with; if that says that nothing was done although another was,
 * or may have been, a `ChannelError` `channel_layer_unavailable` that is `uncertain`, with the first as its cause.
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

/** The rest of a call of which something was done; throws as {@link allOf} does. */
export async function restOf<T>(rest: Promise<T>): Promise<T> {
  try {
    return await rest
  } catch (error) {
    throw partlyDone(error)
  }
}

function partlyDone(error: unknown): unknown {
  if (!saysNothingWasDone(error)) return error
  return layerUnavailable('Some of what the call asks of Redis failed', true, error)
}

function saysNothingWasDone(error: unknown): boolean {
  return isChannelError(error, 'channel_layer_unavailable') && !error.uncertain
}
