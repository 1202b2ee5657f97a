/** `millrace streams tail`: the records of a stream, one a line, as they come. */
import { once } from 'node:events'
import type { ConnectionState } from '../../client/carrier.ts'
import { StreamError } from '../../client/errors.ts'
import { HttpCarrier } from '../../client/http/http-carrier.ts'
import { RemoteReader } from '../../client/remote-reader.ts'
import { RemoteStream } from '../../client/remote-stream.ts'
import type { Json } from '../../protocol/json.ts'
import { type AskedPlace, OffsetError, parsePlace } from '../../protocol/offset.ts'
import { readRunEnd } from '../../protocol/run-end.ts'
import { CommandError, UsageError } from '../command-error.ts'
import { recordLines } from '../record-lines.ts'
import type { StreamEndpoint } from '../stream-endpoint.ts'

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
  endpoint: StreamEndpoint,
  id: string,
  { from = '-1', follow = true }: TailFlags,
): Promise<void> {
  const place = readPlace(from)
  const output = new Output()
  try {
    if (follow) await followStream(endpoint, id, place, output)
    else await readStream(endpoint, id, place, output)
  } catch (error) {
    if (!output.gone.aborted) throw error
  }
}

async function readStream(
  endpoint: StreamEndpoint,
  id: string,
  from: AskedPlace,
  output: Output,
): Promise<void> {
  for (let place = from; ;) {
    const { lines, next, upToDate, closed, end } = await endpoint.read(id, place)
    for (const line of lines) await output.line(line)
    if (closed) return tellEnd(end)
    if (upToDate || lines.length === 0) return
    place = next
  }
}

async function followStream(
  endpoint: StreamEndpoint,
  id: string,
  from: AskedPlace,
  output: Output,
): Promise<void> {
  // The carrier waits for a server as long as it takes; one that was never there is a mistake.
  const { next } = await endpoint.read(id, 'now')
  const place = from === 'now' ? next : from
  const { base, fetch } = endpoint
  let told: ConnectionState = 'idle'
  const stateChanged = (): void => {
    if (carrier.state !== told) tellState((told = carrier.state))
  }
  const carrier = new HttpCarrier({ base, fetch, stateChanged, recordsIn: recordLines })
  const reader = new RemoteReader(id, place, carrier)
  const stream = new RemoteStream<string>(reader, () => Promise.reject(new Error('nothing stops here')))
  const onGone = (): void => stream.close()
  output.gone.addEventListener('abort', onGone)
  try {
    for await (const record of stream) await output.line(record)
  } catch (error) {
    throw error instanceof StreamError ? new CommandError(error.message, error) : error
  } finally {
    output.gone.removeEventListener('abort', onGone)
    carrier.close()
  }
  if (stream.done) tellEnd(stream.end)
}

/** Standard error, as for whatever is no record. */
function tellEnd(end: Json | undefined): void {
  const run = readRunEnd(end)
  if (run?.status === 'failed') throw new CommandError(run.message ?? 'the run failed')
  if (end !== undefined) console.error(`millrace: closed with ${JSON.stringify(end)}`)
}

function readPlace(from: string): AskedPlace {
  try {
    return parsePlace(from)
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
