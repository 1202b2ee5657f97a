/**
 * Streams over plain HTTP, where WebSockets do not get through: server-sent events for each reader,
 * and a request for each command. The offsets are the same, so a stream changes over in its middle.
 */
import type { Json } from '../protocol/json.ts'
import { decodeOffset } from '../protocol/offset.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import { retryDelay } from './backoff.ts'
import type { Carrier, ConnectionState, StartCommand } from './carrier.ts'
import { StreamError, clientClosed } from './errors.ts'
import { serverSentEvents } from './event-source.ts'
import { type HowItEnded, type Reader, type Received, bytesOf, placeText } from './reader.ts'
import { onWakeUp } from './wake-up.ts'
import { Watchdog } from './watchdog.ts'

export interface HttpCarrierOptions {
  /** The address that the ids of streams are appended to, without a slash at its end. */
  readonly base: string
  readonly fetch: typeof fetch
  readonly stateChanged: () => void
  /**
   * What makes records of a JSON array of them; `JSON.parse` by default. A reader finds the end of a
   * run among values alone: of what is none, the end is a record as any other.
   */
  readonly recordsIn?: (json: string) => readonly Json[]
}

/** Seconds without a byte after which a connection is given up. The server gives a sign of life every 15. */
const SILENCE = 40
const SILENCE_AFTER_WAKE = 17
/** Seconds for which a connection has to hold before the next loss counts as the first. */
const STEADY = 2
/** Seconds for the server to say whether it is there. */
const PROBE = 5
/** An id that no stream has: a server that is there says that it is not. */
const NO_STREAM = '@probe'

/** What follows every batch of records: where they end, and how the run did. */
interface Control extends Partial<HowItEnded> {
  readonly streamNextOffset: string
  readonly streamClosed?: boolean
}

/** The body of a refusal, and of the event that says that a stream cannot be followed further. */
interface Fault {
  readonly code: string
  readonly message: string
  readonly reason?: string
}

/** Of a server, or of one of its parts, that may be back the next time. */
const UNAVAILABLE = 503
/** The same, said in the middle of a stream. */
const PASSING = 'store_failed'

/** What ends the following of one reader, and how its own connection is meanwhile. */
class Following extends AbortController {
  state: ConnectionState = 'connecting'
}

/** The state of many connections is the first of these that one of them has. */
const TELLING = ['reconnecting', 'connected', 'connecting'] as const

export class HttpCarrier implements Carrier {
  state: ConnectionState = 'idle'
  readonly #options: HttpCarrierOptions
  readonly #readers = new Map<Reader, Following>()
  /** What to do when the browser wakes up. */
  readonly #wakers = new Set<() => void>()
  readonly #end = new AbortController()
  readonly #forgetWakeUp: () => void

  constructor(options: HttpCarrierOptions) {
    this.#options = options
    this.#forgetWakeUp = onWakeUp(() => {
      for (const wake of Array.from(this.#wakers)) wake()
    })
  }

  follow(reader: Reader): void {
    const following = new Following()
    this.#readers.set(reader, following)
    this.#tell()
    void this.#follow(reader, following)
  }

  unfollow(reader: Reader): void {
    this.#readers.get(reader)?.abort()
    this.#readers.delete(reader)
    this.#tell()
  }

  async start(command: StartCommand): Promise<string> {
    const { stream } = (await this.#ask('', post(command))) as { stream: string }
    return stream
  }

  async stop(id: string): Promise<RunEnd['status']> {
    const { status } = (await this.#ask(`/${encodeURIComponent(id)}/stop`, post({}))) as Pick<
      RunEnd,
      'status'
    >
    return status
  }

  async latest(chat: string): Promise<LatestRun | undefined> {
    const { run } = (await this.#ask(`?chat=${encodeURIComponent(chat)}`, {})) as { run: LatestRun | null }
    return run ?? undefined
  }

  close(): void {
    this.#forgetWakeUp()
    this.#end.abort()
    for (const following of this.#readers.values()) following.abort()
    this.#readers.clear()
    this.#tell()
  }

  /** Reads until the end, over as many connections as it takes. Never rejects. */
  async #follow(reader: Reader, following: Following): Promise<void> {
    const { signal } = following
    for (let attempt = 0; !signal.aborted; attempt++) {
      const since = performance.now()
      let pause = 0
      try {
        pause = await this.#read(reader, following)
      } catch (error) {
        if (!signal.aborted && error instanceof StreamError) return reader.fail(error)
      }
      if (signal.aborted) return
      if (performance.now() - since >= STEADY * 1000) attempt = 0
      following.state = 'reconnecting'
      this.#tell()
      // However soon it wants to be asked again, a server that ends every answer at once is not stormed.
      await this.#sleep(Math.max(pause, retryDelay(attempt)), signal)
    }
  }

  /**
   * Reads one connection to its end. Resolves with the seconds after which the server wants to be asked
   * again, 0 where it did not say; rejects with a `StreamError` when asking again would be in vain.
   */
  async #read(reader: Reader, following: Following): Promise<number> {
    const watchdog = new Watchdog(SILENCE)
    const hurry = (): void => watchdog.fed(SILENCE_AFTER_WAKE)
    this.#wakers.add(hurry)
    try {
      const asked = placeText(reader.place)
      const { body, headers } = await this.#fetch(
        `/${encodeURIComponent(reader.id)}?offset=${asked}&live=sse`,
        AbortSignal.any([following.signal, watchdog.signal]),
        { headers: { accept: 'text/event-stream' } },
      )
      following.state = 'connected'
      this.#tell()
      const isBytes = headers.get('stream-sse-data-encoding') === 'base64'
      let records: readonly Received[] = []
      let pause = 0
      const { recordsIn = parseRecords } = this.#options
      for await (const { event, data } of serverSentEvents(body, () => watchdog.fed())) {
        if (event === 'retry') pause = secondsOf(data)
        if (event === 'error') throw faultOf(JSON.parse(data) as Fault)
        if (event === 'data') {
          const values = recordsIn(data)
          records = isBytes ? values.map(bytesOf) : values
        }
        if (event !== 'control') continue
        if (!deliver(reader, asked, records, JSON.parse(data) as Control)) break
        records = []
      }
      return pause
    } finally {
      this.#wakers.delete(hurry)
      watchdog.stop()
    }
  }

  /** Sent again until there is an answer. */
  async #ask(path: string, init: RequestInit): Promise<unknown> {
    const { signal } = this.#end
    for (let attempt = 0; !signal.aborted; attempt++) {
      const watchdog = new Watchdog(SILENCE)
      try {
        const response = await this.#fetch(path, AbortSignal.any([signal, watchdog.signal]), init)
        return await response.json()
      } catch (error) {
        if (error instanceof StreamError) throw error
      } finally {
        watchdog.stop()
      }
      await this.#sleep(retryDelay(attempt), signal)
    }
    throw clientClosed()
  }

  /** Rejects with a `StreamError` for a refusal for good, with any other error for what may pass. */
  async #fetch(path: string, signal: AbortSignal, init: RequestInit): Promise<Response> {
    const { base, fetch } = this.#options
    const response = await fetch(base + path, { ...init, signal })
    if (response.ok) return response
    throw await refusalOf(response)
  }

  async #sleep(seconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#wakers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, seconds * 1000)
      signal.addEventListener('abort', wake)
      this.#wakers.add(wake)
    })
  }

  /** Works the state out again, and tells of it when it is another. */
  #tell(): void {
    const states = Array.from(this.#readers.values(), ({ state }) => state)
    const state = this.#end.signal.aborted
      ? 'closed'
      : (TELLING.find((one) => states.includes(one)) ?? 'idle')
    if (this.state === state) return
    this.state = state
    this.#options.stateChanged()
  }
}

/** Whether a server with an HTTP door is there and answers. Never rejects. */
export async function answersHttp(
  base: string,
  fetcher: typeof fetch,
  signal: AbortSignal,
): Promise<boolean> {
  const watchdog = new Watchdog(PROBE)
  try {
    const response = await fetcher(`${base}/${encodeURIComponent(NO_STREAM)}`, {
      signal: AbortSignal.any([signal, watchdog.signal]),
    })
    const { code } = (await refusalOf(response)) as Partial<Fault>
    // A server without the door, and whatever else may answer for a server, do not say it like this.
    return code !== undefined && code !== 'route_not_found' && !code.startsWith('http_')
  } catch {
    return false
  } finally {
    watchdog.stop()
  }
}

function post(body: object): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function parseRecords(json: string): Json[] {
  return JSON.parse(json) as Json[]
}

/** Hands a batch on; false when nothing more is to be read from this connection. */
function deliver(reader: Reader, asked: string, records: readonly Received[], control: Control): boolean {
  const next = decodeOffset(control.streamNextOffset)
  const from = { ...next, position: next.position - records.length }
  reader.subscribed(asked, from)
  if (!reader.records(from, records)) return false
  if (control.streamClosed) reader.end(next, control.status && (control as HowItEnded))
  return !reader.done
}

/** The value of a `retry` field; 0 for what is no time, which the HTML standard ignores. */
function secondsOf(milliseconds: string): number {
  return /^\d{1,9}$/.test(milliseconds) ? Number(milliseconds) / 1000 : 0
}

/** A `StreamError` for what would be said the next time, too; any other for what may pass. */
async function refusalOf(response: Response): Promise<Error> {
  const { status } = response
  const body = (await response.json().catch(() => undefined)) as { error?: Fault } | undefined
  const fault = body?.error ?? { code: `http_${status}`, message: `The server answered ${status}.` }
  // Without a code it is not the server's own word, but that of a proxy.
  const passes =
    status === UNAVAILABLE || (!body?.error && (status === 408 || status === 429 || status > 499))
  return passes ? new Error(fault.message) : new StreamError(fault.code, fault.message)
}

function faultOf({ code, message, reason }: Fault): Error {
  if (code === PASSING) return new Error(message)
  return new StreamError(code === 'stream_gone' ? 'gone' : code, message, reason)
}
