/**
 * Streams over plain HTTP, where WebSockets do not get through: server-sent events for each reader, or long polls
 * if something holds those up, and a request for each command. The offsets are the same, so a stream can change
 * over in its middle.
 */
import type { Json } from '../../protocol/json.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import type { LatestRun } from '../../protocol/stream-frames.ts'
import { retryDelay } from '../network/backoff.ts'
import type { Carrier, ConnectionState, StartBody } from '../carrier.ts'
import { Setback, StreamError, clientClosed, offline } from '../errors.ts'
import { type FeedOptions, readEvents, readPoll } from './feed.ts'
import { Line, SILENCE } from './line.ts'
import type { RemoteReader } from '../remote-reader.ts'
import { type RequestOptions, request } from '../network/requests.ts'
import { Room } from './room.ts'
import { onWakeUp } from '../network/wake-up.ts'

export interface HttpCarrierOptions extends RequestOptions {
  /** The address that the ids of streams are appended to, without a slash at its end. */
  readonly base: string
  /** Called when `state` or `error` changed. */
  readonly stateChanged: () => void
  /** What makes records of a JSON array of them; `JSON.parse` by default. */
  readonly recordsIn?: (json: string) => readonly Json[]
}

/** Seconds for server-sent events to begin; a server says at once where they do. */
const BEGINNING = 5
/** Seconds for which a connection has to hold before the next loss counts as the first. */
const STEADY = 2
/** Seconds after which a stream comes back that gave its connection to a command. */
const GIVEN_WAY = 1
/** A poll that brings nothing, and took no longer than this many seconds, is not asked for again at once. */
const SHORT_POLL = 1

/** Events that never begin are given up at once, and those that fall silent the second time. */
const HELD_UP = 2

/** The state of many connections is the first of these that one of them has. */
const TELLING = ['reconnecting', 'connected', 'connecting'] as const

export class HttpCarrier implements Carrier {
  state: ConnectionState = 'idle'
  error: StreamError | undefined
  readonly #options: HttpCarrierOptions
  readonly #readers = new Map<RemoteReader, Line>()
  readonly #commands = new Set<Line>()
  /** What to do when the browser wakes up. */
  readonly #sleepers = new Set<() => void>()
  readonly #end = new AbortController()
  readonly #forgetWakeUp: () => void
  readonly #room: Room
  /** Evidence that server-sent events do not get through; from `HELD_UP` on polls take their place. */
  #mute = 0

  constructor(options: HttpCarrierOptions) {
    this.#options = options
    this.#room = new Room(new URL(options.base).origin, () =>
      Array.from(this.#readers.values()).some((line) => line.drop()),
    )
    this.#forgetWakeUp = onWakeUp(
      () => {
        for (const wake of this.#sleepers) wake()
        for (const line of this.#lines()) line.hurry()
      },
      () => {
        for (const line of this.#lines()) {
          line.hurry()
          line.become('reconnecting', offline())
        }
      },
    )
  }

  follow(reader: RemoteReader): void {
    const line = new Line(() => this.#tell())
    this.#readers.set(reader, line)
    this.#tell()
    void this.#follow(reader, line)
  }

  unfollow(reader: RemoteReader): void {
    this.#readers.get(reader)?.end()
    this.#readers.delete(reader)
    this.#tell()
  }

  async start(command: StartBody): Promise<string> {
    return ((await this.ask('', post(command))) as { stream: string }).stream
  }

  async stop(id: string): Promise<RunEnd['status']> {
    return ((await this.ask(`${pathOf(id)}/stop`, post({}))) as RunEnd).status
  }

  async latest(chat: string): Promise<LatestRun | undefined> {
    const answer = await this.ask(`?chat=${encodeURIComponent(chat)}`, {})
    return (answer as { run: LatestRun | null }).run ?? undefined
  }

  close(): void {
    this.#forgetWakeUp()
    this.#room.close()
    this.#end.abort()
    for (const line of this.#lines()) line.end()
    this.#readers.clear()
    this.#tell()
  }

  /** Reads until the end, over as many connections as it takes. Never rejects. */
  async #follow(reader: RemoteReader, line: Line): Promise<void> {
    const { signal } = line
    let polls = this.#mute >= HELD_UP
    for (let attempt = 0; !signal.aborted; attempt++) {
      const since = performance.now()
      let error = LOST
      let pause: number | undefined = 0
      try {
        if (polls) {
          if (await this.#poll(reader, line)) pause = undefined
          polls = this.#mute >= HELD_UP
        } else pause = await this.#listen(reader, line)
      } catch (caught) {
        if (signal.aborted) return
        if (caught instanceof StreamError && caught.retryAfter === undefined) return reader.fail(caught)
        if (caught instanceof StreamError) error = caught
        if (caught instanceof Setback) error = caught.why
      }
      if (signal.aborted) return
      const seconds = (performance.now() - since) / 1000
      if (line.givenUp === 'mute') polls = this.#fellMute(line, polls)
      else if (!polls && seconds > SILENCE) this.#mute = 0
      if (seconds >= STEADY) attempt = 0
      if (pause === undefined) {
        attempt--
        continue
      }
      if (line.givenUp === 'dropped') pause = GIVEN_WAY
      else line.become('reconnecting', line.givenUp ? SILENT : error)
      // There is a pause even if a server wants none: it may end every answer at once.
      await this.#sleep(Math.max(pause, error.retryAfter ?? 0, retryDelay(attempt)), signal)
    }
  }

  /** Changes from events to polls or back. Returns whether polls come next. */
  #fellMute(line: Line, polls: boolean): boolean {
    if (!polls) this.#mute += line.spoke ? 1 : HELD_UP
    return !polls
  }

  /** Resolves with the seconds after which the server wants to be asked again. */
  #listen(reader: RemoteReader, line: Line): Promise<number> {
    return line.attempt(BEGINNING, (signal, heard) =>
      readEvents(reader, this.#feed(reader, line, signal, heard)),
    )
  }

  /** Resolves with whether to ask again at once. */
  async #poll(reader: RemoteReader, line: Line): Promise<boolean> {
    const since = performance.now()
    // The first poll finds out whether anything gets through, and does not wait.
    const waits = line.state === 'connected'
    const records = await line.attempt(SILENCE, (signal, heard) =>
      readPoll(reader, waits, this.#feed(reader, line, signal, heard)),
    )
    return !waits || records > 0 || performance.now() - since >= SHORT_POLL * 1000
  }

  #feed(reader: RemoteReader, line: Line, signal: AbortSignal, heard: () => void): FeedOptions {
    const { base, recordsIn = parseRecords } = this.#options
    const get = async (query: string, accept = '*/*'): Promise<Response> => {
      const url = `${base}${pathOf(reader.id)}?${query}`
      const response = await request(this.#options, url, { headers: { accept } }, signal)
      line.become('connected')
      return response
    }
    return { recordsIn, heard, get }
  }

  /**
   * Makes a request, and makes it again until there is an answer. Resolves with the JSON of the body, or undefined for
   * an answer without one. Rejects with a `StreamError` when the server refuses, or the client is closed. Once `until`
   * aborts nothing is made again; what is under way is not broken off. An attempt is given up after `seconds`.
   */
  async ask(path: string, init: RequestInit, until?: AbortSignal, seconds = SILENCE): Promise<unknown> {
    const signal = until ? AbortSignal.any([this.#end.signal, until]) : this.#end.signal
    const line = new Line(() => this.#tell())
    this.#commands.add(line)
    try {
      for (let attempt = 0; !signal.aborted; attempt++) {
        const answered = this.#room.wanted()
        let error = LOST
        try {
          return await line.attempt(seconds, async (given) => {
            const response = await request(this.#options, this.#options.base + path, init, given)
            return response.status === 204 ? undefined : await response.json()
          })
        } catch (caught) {
          if (caught instanceof StreamError && !signal.aborted) throw caught
          if (caught instanceof Setback) error = caught.why
        } finally {
          answered()
        }
        if (signal.aborted) break
        line.become('reconnecting', error)
        await this.#sleep(Math.max(error.retryAfter ?? 0, retryDelay(attempt)), signal)
      }
    } finally {
      this.#commands.delete(line)
      this.#tell()
    }
    throw clientClosed()
  }

  async #sleep(seconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#sleepers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, seconds * 1000)
      signal.addEventListener('abort', wake)
      this.#sleepers.add(wake)
    })
  }

  #lines(): Line[] {
    return [...this.#readers.values(), ...this.#commands]
  }

  /** Works out state and error, and tells when one of them changed. */
  #tell(): void {
    const { state, error } = this
    // A command that waits for its answer is not `connecting`.
    const lines = [
      ...this.#readers.values(),
      ...Array.from(this.#commands).filter((line) => line.state === 'reconnecting'),
    ]
    const telling = TELLING.find((one) => lines.some((line) => line.state === one))
    this.state = this.#end.signal.aborted ? 'closed' : (telling ?? 'idle')
    this.error = this.state === 'reconnecting' ? lines.find((line) => line.error)?.error : undefined
    if (this.state !== state || this.error?.message !== error?.message) this.#options.stateChanged()
  }
}

const LOST = new StreamError('disconnected', 'The connection was lost.')
const SILENT = new StreamError('silent', 'The server fell silent.')

function pathOf(id: string): string {
  return `/${encodeURIComponent(id)}`
}

function post(body: object): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function parseRecords(json: string): Json[] {
  return JSON.parse(json) as Json[]
}
