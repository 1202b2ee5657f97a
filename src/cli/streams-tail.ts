/** `millrace streams tail`: the records of a stream, one a line, as they come. */
import { once } from 'node:events'
import type { ConnectionState } from '../client/carrier.ts'
import { StreamError } from '../client/errors.ts'
import { HttpCarrier } from '../client/http-carrier.ts'
import { Reader } from '../client/reader.ts'
import { RemoteStream } from '../client/remote-stream.ts'
import type { Json } from '../protocol/json.ts'
import { OffsetError, parsePlace } from '../protocol/offset.ts'
import { readRunEnd } from '../protocol/run-end.ts'
import { CommandError, UsageError } from './command-error.ts'
import { recordLines } from './record-lines.ts'
import type { StreamDoor } from './stream-door.ts'

export interface TailFlags {
  /** After which record to begin: an offset, -1 for the start, now for what is yet to come. */
  readonly from?: string
  /** Whether to wait for what is yet to come. */
  readonly follow?: boolean
}

/**
 * Prints to the end of the stream, or with `follow: false` to where it ends now. Resolves early when
 * nobody reads what is printed.
 *
 * @throws {CommandError} for a run that failed, a stream that is gone, and a server that refuses.
 */
export async function tailStream(
  door: StreamDoor,
  id: string,
  { from = '-1', follow = true }: TailFlags,
): Promise<void> {
  checkPlace(from)
  const output = new Output()
  try {
    if (follow) await followStream(door, id, from, output)
    else await readStream(door, id, from, output)
  } catch (error) {
    if (!output.gone.aborted) throw error
  }
}

async function readStream(door: StreamDoor, id: string, from: string, output: Output): Promise<void> {
  for (let offset = from; ;) {
    const response = await jsonOnly(door.read(id, offset))
    const records = recordLines(await response.text())
    for (const record of records) await output.line(record)
    const { headers } = response
    const next = headers.get('stream-next-offset')
    if (headers.get('stream-closed') === 'true') return throwIfFailed(records.at(-1))
    if (headers.get('stream-up-to-date') === 'true' || next === null || next === offset) return
    offset = next
  }
}

async function followStream(door: StreamDoor, id: string, from: string, output: Output): Promise<void> {
  // The carrier waits for a server as long as it takes; one that was never there is a mistake.
  const { headers } = await jsonOnly(door.read(id, 'now'))
  const place = parsePlace(from === 'now' ? headers.get('stream-next-offset') : from)
  const { base, fetch } = door
  const stateChanged = (): void => tellState(carrier.state)
  const carrier = new HttpCarrier({ base, fetch, stateChanged, recordsIn: recordLines })
  const reader = new Reader(id, place, carrier)
  const stream = new RemoteStream<string>(reader, () => Promise.reject(new Error('nothing stops here')))
  const onGone = (): void => stream.close()
  output.gone.addEventListener('abort', onGone)
  let last: string | undefined
  try {
    for await (const record of stream) await output.line((last = record))
  } catch (error) {
    throw error instanceof StreamError ? new CommandError(error.message, error) : error
  } finally {
    output.gone.removeEventListener('abort', onGone)
    carrier.close()
  }
  // How a run ended the server says where no record does.
  if (stream.status === 'closed') throwIfFailed(last)
}

async function jsonOnly(asked: Promise<Response>): Promise<Response> {
  const response = await asked
  const type = response.headers.get('content-type') ?? ''
  if (/^application\/(?:[^;]+\+)?json\b/i.test(type)) return response
  await response.body?.cancel()
  throw new CommandError(`the stream holds ${type}, not JSON records; read it with curl`)
}

function throwIfFailed(last: string | undefined): void {
  const end = last === undefined ? undefined : readRunEnd(JSON.parse(last) as Json)
  if (end?.status === 'failed') throw new CommandError(end.message ?? 'the run failed')
}

function checkPlace(from: string): void {
  try {
    parsePlace(from)
  } catch (error) {
    if (error instanceof OffsetError)
      throw new UsageError(
        `--from is ${JSON.stringify(from)}; it takes an offset that the server gave, -1 for the start, or now`,
      )
    throw error
  }
}

/** Standard error, so that what is printed stays records alone. */
function tellState(state: ConnectionState): void {
  if (state === 'reconnecting') console.error('millrace: the server does not answer; trying again')
}

/** Standard output, written no faster than it is read. */
class Output {
  /** Aborts when whoever read it has gone, as `head` does. */
  readonly gone: AbortSignal

  constructor() {
    const controller = new AbortController()
    this.gone = controller.signal
    process.stdout.once('error', () => controller.abort())
  }

  async line(text: string): Promise<void> {
    this.gone.throwIfAborted()
    if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain', { signal: this.gone })
  }
}
