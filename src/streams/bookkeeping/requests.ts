/**
 * Checks requests, as far as this does not depend on a stream's state. Pure. Every store calls this first, so that
 * all of them refuse the same requests.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../../protocol/json.ts'
import { isStamp } from '../../protocol/offset.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import { StreamRequestError } from '../errors.ts'
import type { StreamRequestCode } from '../errors.ts'
import { isJsonText } from './json-text.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type { LeaseRequest } from '../leases.ts'
import type { AppendRequest, Producer, ReadOptions } from '../store.ts'
import type { StreamLimits, StreamRecord } from '../stream.ts'

/** The kind of a stream's records. */
export type RecordKind = 'json' | 'bytes'

export const DEFAULT_LIMITS: StreamLimits = {
  recordBytes: 8 * 1024 * 1024,
  appendRecords: 1000,
  appendBytes: 16 * 1024 * 1024,
  metadataBytes: 16 * 1024,
  endBytes: 2 * 1024,
  checkpointBytes: 8 * 1024,
  producers: 1000,
}

/** A valid append. */
export interface CheckedAppend {
  readonly records: readonly StreamRecord[]
  /** Of all records together. */
  readonly bytes: number
  /** Undefined without records. */
  readonly kind: RecordKind | undefined
  readonly close: boolean
  /** As JSON text. */
  readonly end: string | undefined
  /** The same. */
  readonly owes: string | undefined
  readonly producer: Producer | undefined
  readonly contentType: string | undefined
  readonly streamSeq: string | undefined
  /** As JSON text; undefined leaves it as it is. */
  readonly metadata: string | undefined
  /** The same. */
  readonly checkpoint: string | undefined
  readonly incarnation: string | undefined
  readonly after: Offset | undefined
}

/** Longest TTL and lease: beyond it, a time plus a length would not be an exact integer. */
export const MAX_MS: number = 100 * 365 * 24 * 3600 * 1000
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[\x20-\x7e\t]*)?$/

/** @throws {StreamRequestError} `invalid_id` for an invalid id of a stream. */
export function checkId(id: string): void {
  checkName(id, 512, 'invalid_id', 'The id of a stream')
}

/** The media type of a content type: without parameters, in lower case. */
export function mediaTypeOf(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

/** Whether a stream of this content type has JSON records. */
export function recordKindOf(contentType: string): RecordKind {
  // The usual spelling, checked first because every append asks.
  if (contentType === 'application/json') return 'json'
  const type = mediaTypeOf(contentType)
  return type === 'application/json' || (type.startsWith('application/') && type.endsWith('+json'))
    ? 'json'
    : 'bytes'
}

/** Whether a stream of this content type has records of text. */
export function isText(contentType: string): boolean {
  return mediaTypeOf(contentType).startsWith('text/')
}

export function checkAppend(request: AppendRequest, limits: StreamLimits): CheckedAppend {
  const { records = [], close = false, producer, contentType, streamSeq, incarnation, after } = request
  const { metadata, checkpoint } = request
  const end = request.end === undefined ? undefined : endText(request.end, close, limits)
  const owes = request.owes === undefined ? undefined : owesText(request.owes, request, limits)
  if (records.length === 0 && !close && metadata === undefined && checkpoint === undefined) {
    throw new StreamRequestError(
      'empty_append',
      'An append needs records, metadata, a checkpoint, or to close the stream',
    )
  }
  if (producer) checkProducer(producer)
  if (contentType !== undefined) checkContentType(contentType)
  if (after) checkPlace(after)
  if (streamSeq !== undefined) checkName(streamSeq, 255, 'invalid_stream_seq', 'A stream seq')
  const checked = checkRecords(records, limits)
  return {
    records: checked.records,
    bytes: checked.bytes,
    kind: checked.kind,
    close,
    end,
    owes,
    producer,
    contentType,
    streamSeq,
    metadata: metadataText(metadata, limits),
    checkpoint: checkpointText(checkpoint, limits),
    incarnation,
    after,
  }
}

export function checkLease(request: LeaseRequest): void {
  checkName(request.holder, 255, 'invalid_lease', 'The holder of a lease')
  checkInteger(request.ttlMs, 1, MAX_MS, 'invalid_lease', 'The length of a lease in milliseconds')
}

/**
 * Checked because a store looks records up by position, and could find those of another stream.
 *
 * @throws {StreamRequestError} `invalid_offset` for an offset that no store can have issued.
 */
export function checkPlace(place: Place): void {
  if (typeof place === 'string') return
  const most = Number.MAX_SAFE_INTEGER
  if ('last' in place)
    return checkInteger(place.last, 0, most, 'invalid_offset', 'The number of the last records')
  const { position } = place
  checkInteger(position, 0, most, 'invalid_offset', 'The position of an offset')
  if (!('stamp' in place)) return
  const { stamp, ahead = 0 } = place
  checkInteger(ahead, 0, most - position, 'invalid_offset', 'What an offset is ahead')
  if (!isStamp(stamp)) {
    throw new StreamRequestError('invalid_offset', 'The stamp of an offset is 1 to 32 of 0-9a-z')
  }
}

export function checkRead(after: Place, options: ReadOptions): { maxRecords: number; maxBytes: number } {
  checkPlace(after)
  const { maxRecords = 1000, maxBytes = 1024 * 1024 } = options
  checkInteger(maxRecords, 1, 1000, 'invalid_limit', 'The records of a page')
  checkInteger(maxBytes, 1, 16 * 1024 * 1024, 'invalid_limit', 'The bytes of a page')
  return { maxRecords, maxBytes }
}

export function checkInteger(
  value: number,
  low: number,
  high: number,
  code: StreamRequestCode,
  what: string,
): void {
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    throw new StreamRequestError(code, `${what} must be an integer from ${low} to ${high}`)
  }
}

export function checkRecords(
  given: readonly StreamRecord[],
  limits: StreamLimits,
): { records: readonly StreamRecord[]; bytes: number; kind: RecordKind | undefined } {
  if (given.length > limits.appendRecords) {
    throw new StreamRequestError('too_many_records', `An append may hold ${limits.appendRecords} records`)
  }
  let bytes = 0
  let kind: RecordKind | undefined
  for (const record of given) {
    const itsKind = typeof record === 'string' ? 'json' : 'bytes'
    if (kind !== undefined && kind !== itsKind) {
      throw new StreamRequestError('invalid_record', 'The records of an append are all text or all bytes')
    }
    kind = itsKind
    const size = typeof record === 'string' ? Buffer.byteLength(record) : record.byteLength
    if (size > limits.recordBytes) {
      throw new StreamRequestError('record_too_large', `A record may have ${limits.recordBytes} bytes`)
    }
    bytes += size
    if (typeof record === 'string') checkJson(record)
    else if (size === 0) throw new StreamRequestError('invalid_record', 'A record of bytes is not empty')
  }
  if (bytes > limits.appendBytes) {
    throw new StreamRequestError(
      'append_too_large',
      `The records of an append may have ${limits.appendBytes} bytes`,
    )
  }
  return { records: kind === 'bytes' ? given.map(copyOf) : given.slice(), bytes, kind }
}

/** The caller may reuse its buffer while the append waits. */
function copyOf(record: StreamRecord): StreamRecord {
  return typeof record === 'string' ? record : Uint8Array.from(record)
}

/** A lone surrogate cannot be stored as UTF-8. Escaped, it is ASCII and stays unchanged. */
function checkJson(text: string): void {
  if (!isJsonText(text))
    throw new StreamRequestError('invalid_record', 'A record must be the text of one JSON value')
  if (!text.isWellFormed())
    throw new StreamRequestError('invalid_record', 'A record holds half a surrogate pair')
}

function checkProducer({ id, epoch, seq }: Producer): void {
  checkName(id, 255, 'invalid_producer', 'The id of a producer')
  checkInteger(epoch, 0, Number.MAX_SAFE_INTEGER, 'invalid_producer', "A producer's epoch")
  checkInteger(seq, 0, Number.MAX_SAFE_INTEGER, 'invalid_producer', "A producer's seq")
}

export function checkContentType(contentType: string): void {
  if (contentType.length > 255 || !MEDIA_TYPE.test(contentType)) {
    throw new StreamRequestError('invalid_content_type', 'The content type is not a media type')
  }
}

function checkName(name: string, length: number, code: StreamRequestCode, what: string): void {
  if (name.length === 0 || name.length > length || !/^[\x21-\x7e]+$/.test(name)) {
    throw new StreamRequestError(code, `${what} is 1 to ${length} printable ASCII characters without a space`)
  }
}

export function endText(end: Json, closes: boolean, { endBytes }: StreamLimits): string {
  if (!closes)
    throw new StreamRequestError('invalid_end', 'An end is only allowed with the close of a stream')
  return textWithin(end, endBytes, 'invalid_end', 'The end of a stream')
}

function owesText(owes: Json, { close, producer }: AppendRequest, { checkpointBytes }: StreamLimits): string {
  if (!close || producer?.id !== LEASE_PRODUCER)
    throw new StreamRequestError(
      'invalid_owes',
      'Only the close of a stream under its lease can leave something owed',
    )
  return textWithin(owes, checkpointBytes, 'invalid_owes', 'What a close leaves owed')
}

export function metadataText(
  metadata: Json | undefined,
  { metadataBytes }: StreamLimits,
): string | undefined {
  return metadata === undefined
    ? undefined
    : textWithin(metadata, metadataBytes, 'invalid_metadata', 'The metadata of a stream')
}

function checkpointText(checkpoint: Json | undefined, { checkpointBytes }: StreamLimits): string | undefined {
  return checkpoint === undefined
    ? undefined
    : textWithin(checkpoint, checkpointBytes, 'invalid_checkpoint', 'The checkpoint of a stream')
}

export function textWithin(value: Json, bytes: number, code: StreamRequestCode, what: string): string {
  const text = JSON.stringify(value)
  if (Buffer.byteLength(text) > bytes)
    throw new StreamRequestError(code, `${what} may have ${bytes} bytes as JSON`)
  return text
}

/** Whether a string can be the name of an owner: 1 to 512 well-formed characters. */
export function isOwner(text: string): boolean {
  return text.length >= 1 && text.length <= 512 && text.isWellFormed()
}
