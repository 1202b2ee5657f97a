/**
 * Decides a fork: from the state of its source and a configuration to its first state, or a refusal. As in
 * bookkeeping.ts, a store only stores the decision, in one step with the inherited records.
 */
import type { Place } from '../../protocol/offset.ts'
import { beginOf, newState } from './bookkeeping.ts'
import type { StreamState } from './stream-state.ts'
import type { CheckedConfig, CheckedFork } from './configurations.ts'
import { MAX_FORK_DEPTH } from '../forks.ts'
import type { ForkPoint, ForkRefusal } from '../forks.ts'
import { recordKindOf, mediaTypeOf } from './requests.ts'

/**
 * How a decision looks into the source's log: at stamps, and at the bytes of one record for its length or its
 * beginning.
 */
export interface ForkedLog {
  /** The stamp of the record before a position between the first and the tail. */
  stampAt(position: number): string
  /** The record of bytes after a position before the tail. */
  recordAt(position: number): Uint8Array
}

export interface Fork {
  /** Its configuration, completed from its source. Its records are only its own. */
  readonly config: Omit<CheckedConfig, 'from'>
  readonly source: StreamState
  readonly point: ForkPoint
  /** Records up to this position belong to the source; `stamp` is that of the last one. */
  readonly inherited: number
  readonly stamp: string
}

/** The fork of a source, or why it is refused. */
export function decideFork(
  source: StreamState | 'retired' | undefined,
  config: CheckedFork,
  log: ForkedLog,
): Fork | ForkRefusal {
  const { from } = config
  if (source === undefined) return 'missing'
  if (source === 'retired') return 'retired'
  if (from.incarnation !== undefined && from.incarnation !== source.incarnation) return 'missing'
  if (!isOfItsKind(source, config)) return 'content-type'
  const at: Place = from.offset ?? 'now'
  const begin = beginOf(source, at, (position) => log.stampAt(position))
  if ('outcome' in begin) return begin.outcome
  const { sub = 0 } = from
  const depth = (source.forkedFrom?.depth ?? 0) + 1
  if (depth > MAX_FORK_DEPTH) return 'too-deep'
  const point = { id: from.id, offset: begin, sub, depth }
  const inherits = (position: number): Fork => {
    const stamp = stampBefore(source, position, log)
    return { config: inheriting(config, source), source, point, inherited: position, stamp }
  }
  if (sub === 0) return inherits(begin.position)
  const beyond = begin.position + sub
  if (recordKindOf(source.contentType) === 'json') return beyond > source.tail ? 'past-end' : inherits(beyond)
  if (begin.position === source.tail) return 'past-end'
  const record = log.recordAt(begin.position)
  if (sub > record.length) return 'past-end'
  if (sub === record.length) return inherits(begin.position + 1)
  const fork = inherits(begin.position)
  const { records, bytes } = fork.config
  const own = { records: [record.slice(0, sub), ...records], bytes: bytes + sub }
  return { ...fork, config: { ...fork.config, ...own } }
}

/** The state of a fork, including its own first records, which have this stamp. */
export function forkState(
  { config, source, point, inherited, stamp: last }: Fork,
  incarnation: string,
  stamp: string,
  now: number,
): StreamState {
  const hasOwn = config.records.length > 0
  return {
    ...newState(config, incarnation, stamp, now),
    first: source.first,
    firstStamp: source.firstStamp,
    tail: inherited + config.records.length,
    stamp: hasOwn ? stamp : last,
    forkedFrom: point,
  }
}

function isOfItsKind(source: StreamState, { contentType, kind }: CheckedFork): boolean {
  if (contentType !== undefined && mediaTypeOf(contentType) !== mediaTypeOf(source.contentType)) return false
  return kind === undefined || kind === recordKindOf(source.contentType)
}

/** Completes a fork's configuration from its source: content type and expiry. */
function inheriting(config: CheckedFork, { contentType, ttlMs, expiresAt }: StreamState): Fork['config'] {
  const says = config.ttlMs !== undefined || config.expiresAt !== undefined
  const life = ttlMs === undefined ? { expiresAt } : { ttlMs }
  return { ...config, contentType: config.contentType ?? contentType, ...(!says && life) }
}

function stampBefore(source: StreamState, position: number, log: ForkedLog): string {
  if (position === source.tail) return source.stamp
  return position === source.first ? source.firstStamp : log.stampAt(position)
}
