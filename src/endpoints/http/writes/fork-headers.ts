/** What a `PUT` says of the stream that it forks. */
import type { Scope } from '../../../consumers/scope.ts'
import { HttpError } from '../../../protocol/errors.ts'
import { type Offset, START } from '../../../protocol/offset.ts'
import { placeOf } from '../reads/read-query.ts'

/** A fork that is asked for. */
export interface AskedFork {
  /** The id of the stream to be forked; undefined for a path at which no stream can be. */
  readonly id: string | undefined
  readonly offset?: Offset
  readonly sub?: number
}

const WHOLE = /^(?:0|[1-9]\d{0,14})$/

/** Undefined where none is asked for. @throws {HttpError} `bad_request`, or a `Refusal` for a malformed offset. */
export function forkOf(headers: Headers, id: string, scope: Scope<unknown>): AskedFork | undefined {
  const from = headers.get('stream-forked-from')
  const offset = headers.get('stream-fork-offset')
  const sub = headers.get('stream-fork-sub-offset')
  if (from === null) {
    if (offset === null && sub === null) return undefined
    throw new HttpError('bad_request', 'Stream-Forked-From is missing: the path of the stream to be forked.')
  }
  if (sub !== null && !WHOLE.test(sub))
    throw new HttpError('bad_request', 'Stream-Fork-Sub-Offset is a whole number.')
  const place = offset === null ? 'now' : placeOf(offset)
  // The tail may be another one by then, and what lies behind it is nothing.
  if (place === 'now' && Number(sub) > 0)
    throw new HttpError('bad_request', 'Stream-Fork-Sub-Offset needs a Stream-Fork-Offset to count from.')
  return {
    id: idAt(from, id, scope),
    ...(place !== 'now' && { offset: place === 'start' ? START : place }),
    ...(sub !== null && place !== 'now' && { sub: Number(sub) }),
  }
}

/** The id of the stream at a path, which is served where the one of this request is. */
function idAt(path: string, id: string, { path: own, rootPath }: Scope<unknown>): string | undefined {
  const prefix = prefixOf(own, id)
  if (prefix === undefined || !path.startsWith('/')) return undefined
  const local = rootPath !== '' && path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path
  return local.startsWith(prefix) ? decoded(local.slice(prefix.length)) : undefined
}

/** What stands before the id in a path: to its last slash. */
function prefixOf(path: string, id: string): string | undefined {
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
    if (decoded(path.slice(at + 1)) === id) return path.slice(0, at + 1)
  }
  return undefined
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
