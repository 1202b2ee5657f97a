/** A stream as a row: the columns that make its state, and the other way round. */
import type { SQLOutputValue } from 'node:sqlite'
import type { StreamState } from '../../bookkeeping/stream-state.ts'
import type { ForkPoint } from '../../forks.ts'
import type { Producer } from '../../store.ts'

type Row = Record<string, SQLOutputValue>

/** What the lower half of a record's place holds. */
export const MAX_POSITION = 2 ** 32 - 1

/** What `stateOf` reads, for a `SELECT` from `streams`. */
export const COLUMNS = `key, id, incarnation, content_type, owner, created_at, ttl_ms, expires_at, metadata, closed,
  closed_by, closed_with, stream_seq, leased, first, first_stamp,
  ${lastPosition('key')} AS tail, ${ofLastRecord('key', 'stamp')} AS stamp,
  (SELECT data FROM checkpoints WHERE stream = key) AS checkpoint,
  (SELECT json_array(inherited, stamp, json(point)) FROM forks WHERE stream = key) AS fork,
  (SELECT json_array(age_ms, max_bytes) FROM retained WHERE stream = key) AS retention,
  (SELECT list FROM listed WHERE stream = key) AS listed`

/** SQL: the position of the last record of the stream with this key; null without records. */
function lastPosition(key: string): string {
  return ofLastRecord(key, `place & ${MAX_POSITION}`)
}

function ofLastRecord(key: string, column: string): string {
  return `(SELECT ${column} FROM records
    WHERE place BETWEEN ${key} << 32 AND (${key} << 32) | ${MAX_POSITION} ORDER BY place DESC LIMIT 1)`
}

export type ChangingColumns = [number | null, string | null, number, ...(string | null)[]]

/** What changes of a stream after it was created. */
export function changingColumns(state: StreamState): ChangingColumns {
  const { expiresAt, metadata, closed, closedBy, closedWith, streamSeq } = state
  const by = closedBy ? JSON.stringify(closedBy) : null
  return [expiresAt ?? null, metadata ?? null, closed ? 1 : 0, by, closedWith ?? null, streamSeq ?? null]
}

export function stateOf(row: Row): StreamState {
  const closedBy = text(row['closed_by'])
  const incarnation = String(row['incarnation'])
  const first = { first: Number(row['first']), firstStamp: String(row['first_stamp']) }
  const fork = forkOf(row)
  return {
    incarnation,
    contentType: String(row['content_type']),
    owner: text(row['owner']),
    createdAt: Number(row['created_at']),
    ttlMs: integer(row['ttl_ms']),
    expiresAt: integer(row['expires_at']),
    metadata: text(row['metadata']),
    checkpoint: text(row['checkpoint']),
    ...first,
    ...tailOf(row, incarnation, first, fork),
    closed: row['closed'] === 1,
    closedBy: closedBy === undefined ? undefined : (JSON.parse(closedBy) as Producer),
    closedWith: text(row['closed_with']),
    streamSeq: text(row['stream_seq']),
    leased: row['leased'] === 1,
    retention: retentionOf(text(row['retention'])),
    listed: text(row['listed']),
    forkedFrom: fork?.point,
  }
}

interface ForkRow {
  readonly inherited: number
  readonly stamp: string
  readonly point: ForkPoint
}

function forkOf(row: Row): ForkRow | undefined {
  const fork = text(row['fork'])
  if (fork === undefined) return undefined
  const [inherited, stamp, point] = JSON.parse(fork) as [number, string, ForkPoint]
  return { inherited, stamp, point }
}

/** The last record of its own, or what it has before that: all that it inherited, or all that was trimmed. */
function tailOf(
  row: Row,
  incarnation: string,
  { first, firstStamp }: Pick<StreamState, 'first' | 'firstStamp'>,
  fork: ForkRow | undefined,
): Pick<StreamState, 'tail' | 'stamp'> {
  const last = Number(row['tail'])
  if (last > first) return { tail: last, stamp: stampOf(row, incarnation) }
  if (fork && fork.inherited > first) return { tail: fork.inherited, stamp: fork.stamp }
  return { tail: first, stamp: firstStamp }
}

/** Of a record that was written before there were stamps, the incarnation. */
export function stampOf({ stamp }: Row, incarnation: string): string {
  return stamp === null ? incarnation : String(stamp)
}

function retentionOf(json: string | undefined): StreamState['retention'] {
  const [ageMs, bytes] = JSON.parse(json ?? '[]') as (number | null)[]
  return json === undefined ? undefined : { ageMs: ageMs ?? undefined, bytes: bytes ?? undefined }
}

function text(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function integer(value: SQLOutputValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
