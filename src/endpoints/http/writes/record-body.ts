/** From the body of a request to the records that are kept of it. */
import { type Buffer, isUtf8 } from 'node:buffer'
import { StreamRequestError } from '../../../streams/errors.ts'
import { isText, kindOf } from '../../../streams/bookkeeping/requests.ts'
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
  if (kindOf(contentType) === 'bytes') return pieces(body, recordBytes, isText(contentType))
  if (!isUtf8(body)) throw new StreamRequestError('invalid_record', 'The body is not UTF-8.')
  const text = trim(body.toString('utf8'))
  if (!text.startsWith('[')) return [text]
  const values = text.endsWith(']') ? trim(text.slice(1, -1)) : undefined
  if (values === undefined) return [text]
  // One more than there may be tells that there are too many: a body of commas makes millions.
  return values === '' ? [] : splitJson(values, appendRecords + 1).map(trim)
}

/** Without what RFC 8259 allows around a value. A pattern would take the square of the spaces inside it. */
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

/** As many records as it takes. No character of text is cut: events bring one record at a time, if it is large. */
function pieces(body: Buffer, size: number, isText: boolean): readonly Uint8Array[] {
  const records: Uint8Array[] = []
  for (let begin = 0, end = 0; begin < body.length; begin = end) {
    end = Math.min(begin + size, body.length)
    if (isText) end = characterEnd(body, begin, end)
    records.push(body.subarray(begin, end))
  }
  return records
}

/** Where the last character ends that is whole before this place; the place itself where none is near. */
function characterEnd(body: Buffer, begin: number, place: number): number {
  for (let at = place; at > place - 4 && at > begin; at--) {
    const byte = body[at]
    if (byte === undefined || byte < 0x80 || byte >= 0xc0) return at
  }
  return place
}
