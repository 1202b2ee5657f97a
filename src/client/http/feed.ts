/**
 * One answer about a stream over HTTP, read to its end: server-sent events, or a long poll where those do
 * not come through.
 */
import type { Json } from '../../protocol/json.ts'
import { decodeOffset } from '../../protocol/offset.ts'
import { Setback, StreamError, errorIn } from '../errors.ts'
import { serverSentEvents } from './event-source.ts'
import { type RemoteReader, type Received, bytesOf, placeText } from '../remote-reader.ts'
import type { Fault } from '../network/requests.ts'

/** How one connection for a stream is asked for, and what is to be told of it. */
export interface FeedOptions {
  /** What makes records of a JSON array of them. */
  readonly recordsIn: (json: string) => readonly Json[]
  /** Asks for the stream with this query. Rejects with a `StreamError` or a `Setback`. */
  readonly get: (query: string, accept?: string) => Promise<Response>
  /** The server answers; called for whatever comes. */
  readonly heard: () => void
}

/** What follows every batch of records: where they begin and end, and whether and how the stream does. */
interface Control {
  readonly streamFromOffset: string
  readonly streamNextOffset: string
  readonly streamClosed?: boolean
  readonly end?: Json | undefined
}

/** Said in the middle of a stream, of what may be otherwise the next time. */
const PASSING = 'store_failed'
/** Whether records of bytes are written as base64. */
const ENCODING = 'stream-sse-data-encoding'

/** Resolves with the seconds after which the server wants to be asked again, 0 where it did not say. */
export async function readEvents(
  reader: RemoteReader,
  { recordsIn, get, heard }: FeedOptions,
): Promise<number> {
  const asked = placeText(reader.place)
  const { body, headers } = await get(`offset=${asked}&live=sse&encoding=base64`, 'text/event-stream')
  let records: readonly Received[] = []
  let pause = 0
  for await (const { event, data } of serverSentEvents(body, heard)) {
    if (event === 'retry') pause = secondsOf(data)
    if (event === 'error') throw faultOf(JSON.parse(data) as Fault)
    if (event === 'data') records = received(recordsIn(data), headers)
    if (event !== 'control') continue
    if (!deliver(reader, asked, records, JSON.parse(data) as Control)) break
    records = []
  }
  return pause
}

/** Asks for the records that there are, or waits for the next ones. Resolves with how many came. */
export async function readPoll(
  reader: RemoteReader,
  wait: boolean,
  { recordsIn, get, heard }: FeedOptions,
): Promise<number> {
  const asked = placeText(reader.place)
  const response = await get(`offset=${asked}${wait ? '&live=long-poll' : ''}&encoding=base64`)
  const { headers } = response
  const streamNextOffset = headers.get('stream-next-offset')
  const streamFromOffset = headers.get('stream-from-offset')
  if (streamNextOffset === null || streamFromOffset === null)
    throw new Setback(new StreamError('unreachable', 'The answer is no stream.'))
  const text = await response.text()
  heard()
  const records = text === '' ? [] : received(recordsIn(text), headers)
  const streamClosed = headers.has('stream-closed')
  const how = headers.get('stream-end')
  const end = how === null ? undefined : (JSON.parse(how) as Json)
  deliver(reader, asked, records, { streamFromOffset, streamNextOffset, streamClosed, end })
  return records.length
}

function received(values: readonly Json[], headers: Headers): readonly Received[] {
  return headers.get(ENCODING) === 'base64' ? values.map(bytesOf) : values
}

/** Hands a batch on; false when nothing more is to be read from this connection. */
function deliver(
  reader: RemoteReader,
  asked: string,
  records: readonly Received[],
  control: Control,
): boolean {
  const next = decodeOffset(control.streamNextOffset)
  const from = decodeOffset(control.streamFromOffset)
  reader.subscribed(asked, from)
  if (!reader.records(from, next, records)) return false
  if (control.streamClosed) reader.end(next, control.end)
  return !reader.done
}

/** The value of a `retry` field; 0 for what is no time, which the HTML standard ignores. */
function secondsOf(milliseconds: string): number {
  return /^\d{1,9}$/.test(milliseconds) ? Number(milliseconds) / 1000 : 0
}

function faultOf(fault: Fault): Error {
  const { code } = fault
  const error = errorIn(code === 'stream_gone' ? { ...fault, code: 'gone' } : fault)
  return code === PASSING ? new Setback(error) : error
}
