/** Makes records from the body of a request. */
import { type Buffer, isUtf8 } from 'node:buffer'
import { StreamRequestError } from '../../../streams/errors.ts'
import { isText, recordKindOf } from '../../../streams/bookkeeping/requests.ts'
import { splitJson } from '../../../streams/bookkeeping/json-text.ts'
import type { StreamLimits, StreamRecord } from '../../../streams/stream.ts'

/**
 * The records in a body, in their order. On a stream of JSON a body is one value, or an array of as many as
 * it has, each as the text that it is in the body; on one of bytes it is one record, or as many as it takes.
 * Whether what is between the commas is JSON is for the store to say.
 *
 * @throws {StreamRequestError} `invalid_record` for JSON that is not UTF-8.
 */
export function recordsIn(
  body: Buffer,
  contentType: string,
  { recordBytes, appendRecords }: StreamLimits,
): readonly StreamRecord[] {
  if (body.length === 0) return []
  if (recordKindOf(contentType) === 'bytes') return pieces(body, recordBytes, isText(contentType))
  if (!isUtf8(body)) throw new StreamRequestError('invalid_record', 'The body is not UTF-8.')
  const text = trim(body.toString('utf8'))
  if (!text.startsWith('[')) return [text]
  const values = text.endsWith(']') ? trim(text.slice(1, -1)) : undefined
  if (values === undefined) return [text]
  // One more than there may be tells that there are too many: a body of commas makes millions.
  return values === '' ? [] : splitJson(values, appendRecords + 1).map(trim)
}

/**
 * Removes the white space that RFC 8259 allows around a value. A regular expression would take quadratic time on
 * white space inside it.
 */
function trim(text: string): string {
  let begin = 0
  let end = text.length
  while (begin < end && isSpace(text.charCodeAt(begin))) begin++
  while (end > begin && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(begin, end)
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09
}

/**
 * Splits a body into records of a size. Characters of text are not split, because an event may hold a single record.
 */
function pieces(body: Buffer, size: number, isText: boolean): readonly Uint8Array[] {
  const records: Uint8Array[] = []
  for (let begin = 0, end = 0; begin < body.length; begin = end) {
    end = Math.min(begin + size, body.length)
    if (isText) end = characterEnd(body, begin, end)
    records.push(body.subarray(begin, end))
  }
  return records
}

/** The end of the last whole character before a place; the place itself if there is none near. */
function characterEnd(body: Buffer, begin: number, place: number): number {
  for (let at = place; at > place - 4 && at > begin; at--) {
    const byte = body[at]
    if (byte === undefined || byte < 0x80 || byte >= 0xc0) return at
  }
  return place
}
