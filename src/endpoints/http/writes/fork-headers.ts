/** The headers of a `PUT` that forks a stream. */
import type { Scope } from '../../../consumers/scope.ts'
import { HttpError } from '../../../protocol/errors.ts'
import { type Offset, START } from '../../../protocol/offset.ts'
import { askedPlaceOf } from '../reads/read-query.ts'

/** A requested fork. */
export interface AskedFork {
  /** The id of the stream to fork; undefined for a path that cannot be one of a stream. */
  readonly id: string | undefined
  readonly offset?: Offset
  readonly sub?: number
}

const WHOLE = /^(?:0|[1-9]\d{0,14})$/

/** Undefined if no fork is requested. @throws {HttpError} `bad_request`, or a `Refusal` for a malformed offset. */
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
  const place = offset === null ? 'now' : askedPlaceOf(offset)
  // The tail may have moved by then, and nothing follows it.
  if (place === 'now' && Number(sub) > 0)
    throw new HttpError('bad_request', 'Stream-Fork-Sub-Offset needs a Stream-Fork-Offset to count from.')
  return {
    id: idAt(from, id, scope),
    ...(place !== 'now' && { offset: place === 'start' ? START : place }),
    ...(sub !== null && place !== 'now' && { sub: Number(sub) }),
  }
}

/** The id of the stream at a path, served under the same prefix as the stream of this request. */
function idAt(path: string, id: string, { path: own, rootPath }: Scope<unknown>): string | undefined {
  const prefix = prefixOf(own, id)
  if (prefix === undefined || !path.startsWith('/')) return undefined
  const local = rootPath !== '' && path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path
  return local.startsWith(prefix) ? decoded(local.slice(prefix.length)) : undefined
}

/** The part of a path before the id, up to the slash. */
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
