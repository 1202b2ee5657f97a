/** Where an application serves its streams when it does not say. */
import type { Streaming } from '../endpoints/streaming.ts'
import type { PathRoute } from './route.ts'
import { httpStreams, streamSocket } from './stream-routes.ts'

const DEFAULT_PATH = '/millrace'

/**
 * The routes of an application's streams below one path: the stream socket at `socket`, plain HTTP at
 * `streams`. None for `false`.
 *
 * @throws {TypeError} for a path that is malformed, or has parameters, which no client could fill.
 */
export function mounted(path: string | false | undefined, streams: Streaming): readonly PathRoute[] {
  if (path === false) return []
  const prefix = checkedPath(path ?? DEFAULT_PATH)
  const endpoint = { ...streams.services, start: streams.start }
  return [streamSocket(`${prefix}/socket`, endpoint), httpStreams(`${prefix}/streams`, endpoint)]
}

/** Whole segments without parameters, query or dots, which clients take out of a path. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[^/?#:*{}\s]+)+\/?$/

/** Without a slash at its end. */
function checkedPath(path: string): string {
  if (typeof path !== 'string' || !PATH.test(path))
    throw new TypeError(
      `millrace({ path }) is ${JSON.stringify(path)}: give a path such as '/millrace', or false`,
    )
  return path.replace(/\/$/, '')
}
