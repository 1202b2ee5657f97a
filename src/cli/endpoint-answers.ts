/**
 * What a server's HTTP endpoint answers (docs/http-streams.md), read from the text that came. Whatever
 * listens at an address may have answered: each function throws for what no server of Millrace says.
 */
import type { Json } from '../protocol/json.ts'
import { type Offset, decodeOffset } from '../protocol/offset.ts'
import { type RunEnd, isEndStatus } from '../protocol/run-end.ts'
import { recordLines } from './record-lines.ts'

/** One line of the list. */
export interface StreamSummary {
  readonly id: string
  readonly status: string
  readonly records: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

export interface ListPage {
  readonly streams: readonly StreamSummary[]
  readonly next?: string
}

/** Records that follow each other. */
export interface RecordPage {
  /** Each in a line, in the text that it was written in. */
  readonly lines: readonly string[]
  /** The place after the last of them. */
  readonly next: Offset
  /** Whether that is the tail, as things stand. */
  readonly upToDate: boolean
  /** Whether it is the end of a closed stream. */
  readonly closed: boolean
  /** What that is closed with. */
  readonly end: Json | undefined
}

/** The header that every answer about the records of a stream has. */
export const NEXT_OFFSET = 'stream-next-offset'

const NO_CONTENT = 204

export function readListPage(text: string): ListPage {
  const page: unknown = JSON.parse(text)
  if (isListPage(page)) return page
  throw new TypeError('That is no page of the list of streams.')
}

export function readRecordPage(text: string, { headers }: Response): RecordPage {
  const end = headers.get('stream-end')
  return {
    next: decodeOffset(headers.get(NEXT_OFFSET) ?? ''),
    lines: recordLines(text),
    upToDate: headers.get('stream-up-to-date') === 'true',
    closed: headers.get('stream-closed') === 'true',
    end: end === null ? undefined : (JSON.parse(end) as Json),
  }
}

/** The answer to a stop. */
export function readEndStatus(text: string): RunEnd['status'] {
  const end: unknown = JSON.parse(text)
  if (isObject(end) && isEndStatus(end['status'])) return end['status']
  throw new TypeError('That is no end of a run.')
}

export function readDeleted(_text: string, { status }: Response): void {
  if (status !== NO_CONTENT) throw new TypeError('That says of nothing that it was removed.')
}

function isListPage(value: unknown): value is ListPage {
  if (!isObject(value)) return false
  const { streams, next } = value
  return Array.isArray(streams) && streams.every(isListed) && (next === undefined || typeof next === 'string')
}

function isListed(value: unknown): value is StreamSummary {
  if (!isObject(value)) return false
  const { id, status, records, createdAt } = value
  return (
    typeof id === 'string' &&
    typeof status === 'string' &&
    typeof records === 'number' &&
    typeof createdAt === 'number'
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
