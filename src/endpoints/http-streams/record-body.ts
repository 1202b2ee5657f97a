/** From the body of a request to the records that are kept of it. */
import { type Buffer, isUtf8 } from 'node:buffer'
import { StreamRequestError } from '../../streams/errors.ts'
import { kindOf } from '../../streams/requests.ts'
import { splitJson } from '../../streams/json-text.ts'
import type { StreamLimits, StreamRecord } from '../../streams/store.ts'

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
  if (kindOf(contentType) === 'bytes') return pieces(body, recordBytes)
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

function pieces(body: Buffer, size: number): readonly Uint8Array[] {
  if (body.length <= size) return [body]
  const count = Math.ceil(body.length / size)
  return Array.from({ length: count }, (_, index) => body.subarray(index * size, (index + 1) * size))
}
