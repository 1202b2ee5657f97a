/**
 * The public entry of `millrace/resumable-stream`: a publisher and a subscriber for the npm package
 * `resumable-stream`, which keep its streams in a `StreamStore`.
 *
 * The package keeps a stream in the memory of its producer's process, and requests it over Redis: a sentinel key says
 * that it exists, readers ask on a request channel, and each gets the text on a channel of its own. Here each stream
 * has one listener from the beginning, the log. Readers are answered from the log, in any process, and never by the
 * producer.
 *
 * | the package asks for | and gets |
 * |---|---|
 * | `incr` of a sentinel | the stream, created in one step with its lease: 1 for the caller that created it |
 * | `set` of a sentinel to 1 | the log listening to the producer; if it was not just created, a new stream |
 * | `publish` to the log | a record that is durable when it resolves |
 * | `set` of a sentinel to DONE, and `publish` to the log | the stream closed as completed |
 * | `publish` of a request | the text from the log, from the character asked for, and then what comes |
 */
import { type OptionNames, checkOptions } from '../protocol/known-options.ts'
import { Buffer } from 'node:buffer'
import { readRunEnd } from '../protocol/run-end.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StreamInfo } from '../streams/stream.ts'
import type { Filling } from './filling.ts'
import { Fillings } from './fillings.ts'
import { Orphans } from './orphans.ts'
import { parseResumableKey, streamIdOf } from './resumable-keys.ts'
import { ResumableReader } from './resumable-reader.ts'
import { ADAPTER_OPTIONS, type AdapterOptions, type AdapterSettings, adapterSettings } from './settings.ts'

export type { AdapterOptions } from './settings.ts'

export interface ResumableStreamsOptions extends AdapterOptions {
  /**
   * The last text for readers of a stream that did not complete, because its producer's process died or the store
   * failed. The package cannot tell this from a normal end. Default: none.
   */
  readonly interrupted?: string
}

const OPTIONS: OptionNames<ResumableStreamsOptions> = { ...ADAPTER_OPTIONS, interrupted: true }
/** The package's type of the same name. */
export interface ResumablePublisher {
  connect(): Promise<void>
  publish(channel: string, message: string): Promise<number>
  set(key: string, value: string, options?: { readonly EX?: number }): Promise<'OK'>
  get(key: string): Promise<string | null>
  incr(key: string): Promise<number>
}

/** The package's type of the same name. */
export interface ResumableSubscriber {
  connect(): Promise<void>
  subscribe(channel: string, callback: (message: string) => void): Promise<void>
  unsubscribe(channel: string): Promise<void>
}

/** What `createResumableStreamContext` of `resumable-stream/generic` takes. */
export interface ResumableStreams {
  readonly publisher: ResumablePublisher
  readonly subscriber: ResumableSubscriber
  /** Ends the streams of this process as interrupted, and its readers. The store stays open. */
  readonly close: () => Promise<void>
}

/**
 * Keeps the streams of the package `resumable-stream` in a store:
 *
 *     createResumableStreamContext({ waitUntil: null, ...resumableStreams(store) })
 *
 * @throws {RangeError} naming the option that is out of range.
 */
export function resumableStreams(
  store: StreamStore,
  options: ResumableStreamsOptions = {},
): ResumableStreams {
  checkOptions('resumableStreams()', options, OPTIONS)
  const adapter = new ResumableStore(
    adapterSettings(store, options, '@resumable-stream/'),
    options.interrupted,
  )
  return { publisher: adapter, subscriber: adapter, close: () => adapter.close() }
}

/** The sentinel's value for a stream that the package no longer serves. */
const DONE = 'DONE'
/** The error of `incr` by which the package recognises that value. */
const NOT_A_NUMBER = 'ERR value is not an integer or out of range'

class ResumableStore implements ResumablePublisher, ResumableSubscriber {
  readonly #settings: AdapterSettings
  readonly #interrupted: string | undefined
  readonly #fillings: Fillings
  readonly #orphans: Orphans
  /** Streams created by `incr` whose producer has not begun. */
  readonly #elected = new Map<string, Filling>()
  /** By stream: tells its producer about a listener. */
  readonly #requests = new Map<string, (message: string) => void>()
  /**
   * By stream: how many of its producers said that they are done. The next message to the log, the package's end
   * marker, tells which one. So the marker need not be known here, and an equal text is just a text.
   */
  readonly #ending = new Map<string, number>()
  /** By listener: the log of each stream produced here, while it is written. */
  readonly #logs = new Map<string, Filling>()
  /** By listener: the reader. */
  readonly #readers = new Map<string, ResumableReader>()

  constructor(settings: AdapterSettings, interrupted: string | undefined) {
    this.#settings = settings
    this.#interrupted = interrupted
    this.#fillings = new Fillings(settings)
    this.#orphans = new Orphans(settings, { fills: (id) => this.#fillings.has(id) })
  }

  async connect(): Promise<void> {}

  async incr(key: string): Promise<number> {
    const name = nameIn(key, 'sentinel')
    for (;;) {
      const filling = await this.#create(name)
      if (filling) {
        this.#elected.set(filling.id, filling)
        void filling.over.then(() => this.#elected.delete(filling.id))
        return 1
      }
      // One that is there may only look so, as its producer fell silent and its time is over.
      const isThere = await this.#orphans.look(this.#idOf(name))
      const info = isThere ? await this.#head(name) : undefined
      if (info && isDone(info)) throw new Error(NOT_A_NUMBER)
      if (info) return 2
    }
  }

  async get(key: string): Promise<string | null> {
    const info = await this.#head(nameIn(key, 'sentinel'))
    if (!info) return null
    return isDone(info) ? DONE : '1'
  }

  async set(key: string, value: string): Promise<'OK'> {
    const name = nameIn(key, 'sentinel')
    if (value !== DONE) {
      await this.#begin(name)
      return 'OK'
    }
    const id = this.#idOf(name)
    this.#ending.set(id, (this.#ending.get(id) ?? 0) + 1)
    return 'OK'
  }

  async publish(channel: string, message: string): Promise<number> {
    const { kind, name } = parseResumableKey(channel)
    if (kind === 'request') return this.#answer(name, message)
    if (kind !== 'chunk') throw new RangeError('A sentinel is no channel')
    const isEnd = this.#takeEnding(streamOfLog(name))
    const log = this.#logs.get(name)
    if (!log) return 0
    // Failures are logged. A rejection would be unhandled.
    if (isEnd) await log.end({ status: 'completed' })
    else if (message !== '') {
      const record = JSON.stringify(message)
      await log.write(record, Buffer.byteLength(record))
    }
    return 1
  }

  async subscribe(channel: string, callback: (message: string) => void): Promise<void> {
    const { kind, name } = parseResumableKey(channel)
    if (kind === 'request') this.#requests.set(this.#idOf(name), callback)
    else if (kind === 'chunk') this.#readers.set(name, this.#readerFor(callback))
    else throw new RangeError('A sentinel is no channel')
  }

  async unsubscribe(channel: string): Promise<void> {
    const { kind, name } = parseResumableKey(channel)
    if (kind === 'request') this.#requests.delete(this.#idOf(name))
    this.#readers.get(name)?.leave()
    this.#readers.delete(name)
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) reader.leave()
    await this.#orphans.stop()
    await this.#fillings.close()
  }

  #idOf(name: string): string {
    return streamIdOf(`${this.#settings.prefix}${name}`)
  }

  /** Waits for an end requested by this process, because the caller that was told of it asks next. */
  async #head(name: string): Promise<StreamInfo | undefined> {
    const id = this.#idOf(name)
    const filling = this.#fillings.get(id)
    if (filling?.isEnding) await filling.over
    return this.#settings.store.head(id)
  }

  #create(name: string): Promise<Filling | undefined> {
    // The owner is looked up by the application's id.
    const owner = this.#settings.owner(name.slice(name.indexOf('/') + 1))
    return this.#fillings.create(this.#idOf(name), owner === undefined ? {} : { owner })
  }

  /** Makes the log listen to the producer that has just subscribed to its requests. */
  async #begin(name: string): Promise<void> {
    const id = this.#idOf(name)
    const filling = this.#elected.get(id) ?? (await this.#createAnew(name))
    this.#elected.delete(id)
    const request = this.#requests.get(id)
    // It has only this listener, and holds its whole text.
    this.#requests.delete(id)
    if (!request) throw new Error('A producer begins with the subscriber that was made with its publisher')
    const listenerId = logOf(filling)
    this.#logs.set(listenerId, filling)
    void filling.over.then(() => this.#logs.delete(listenerId))
    request(JSON.stringify({ listenerId }))
  }

  #takeEnding(id: string | undefined): boolean {
    if (id === undefined) return false
    const count = this.#ending.get(id) ?? 0
    if (count > 1) this.#ending.set(id, count - 1)
    else this.#ending.delete(id)
    return count > 0
  }

  /** Of two producers of one id the later one wins, as in the package. */
  async #createAnew(name: string): Promise<Filling> {
    for (;;) {
      const filling = await this.#create(name)
      if (filling) return filling
      const info = await this.#head(name)
      if (info) await this.#settings.store.delete(info.id, undefined, info.incarnation)
    }
  }

  /** Rejects if there is no such stream, which the package reports. */
  async #answer(name: string, message: string): Promise<number> {
    const { listenerId, skipCharacters } = JSON.parse(message) as {
      readonly listenerId: string
      readonly skipCharacters?: number
    }
    const reader = this.#readers.get(listenerId)
    if (!reader) throw new Error('A reader asks through the publisher that was made with its subscriber')
    const id = this.#idOf(name)
    // Text produced before the request belongs to the answer.
    await this.#fillings.get(id)?.flush()
    if (!(await this.#head(name))) throw new Error('There is no such stream any more')
    reader.start(id, Math.max(0, skipCharacters ?? 0))
    return 1
  }

  #readerFor(callback: (message: string) => void): ResumableReader {
    const { store, logger } = this.#settings
    return new ResumableReader({
      store,
      logger,
      orphans: this.#orphans,
      interrupted: this.#interrupted,
      callback,
    })
  }
}

/** The listener id of the log of a stream. Those of the package are UUIDs. */
function logOf({ incarnation, id }: Filling): string {
  return `log:${incarnation}:${id}`
}

function streamOfLog(listener: string): string | undefined {
  return /^log:[^:]+:(.*)$/s.exec(listener)?.[1]
}

/** @throws {RangeError} for a key of another kind. */
function nameIn(key: string, kind: 'sentinel'): string {
  const parsed = parseResumableKey(key)
  if (parsed.kind !== kind) throw new RangeError('Only sentinels are read and set')
  return parsed.name
}

/** A stream that did not complete can still be read, as far as it got. */
function isDone({ closed, end }: StreamInfo): boolean {
  return closed && readRunEnd(end)?.status === 'completed'
}
