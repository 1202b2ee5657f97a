/**
 * The public entry of `millrace/assistant-stream`: a `ResumableStreamStore` for the npm package
 * `assistant-stream` (assistant-ui) that keeps its streams in a `StreamStore`.
 *
 * A stream of the package is a stream of bytes, an entry a record, a cursor an offset. Its producer holds the lease
 * of the stream, so that a dead process does not leave it "streaming": it ends with the package's error status. The
 * epoch of the lease fences a producer that lost its stream, in the log itself.
 */
import { checkOptions } from '../protocol/known-options.ts'
import { encodeOffset, offsetBefore, parsePlace } from '../protocol/offset.ts'
import { readRunEnd } from '../protocol/run-end.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { RunFailedError, endAfterError } from '../runs/end-reasons.ts'
import type { StreamStore } from '../streams/store.ts'
import type { Filling } from './filling.ts'
import { Fillings } from './fillings.ts'
import { pagesOf } from './pages.ts'
import type { PagesEnd } from './pages.ts'
import { Orphans } from './orphans.ts'
import { ADAPTER_OPTIONS, type AdapterOptions, type AdapterSettings, adapterSettings } from './settings.ts'

export type { AdapterOptions } from './settings.ts'

/** The package's types of the same names, without `Resumable`. */
export interface AssistantStreamLease {
  readonly token: string
}
export type AssistantStreamAcquisition =
  | { readonly role: 'producer'; readonly lease: AssistantStreamLease }
  | { readonly role: 'consumer' }
export type AssistantStreamStatus = 'streaming' | 'done' | 'error' | 'missing'
export interface AssistantStreamEntry {
  readonly cursor: string
  readonly chunk: Uint8Array
}

/** Like the package's own error, with the same `code`. */
export class AssistantStreamError extends Error {
  override readonly name = 'AssistantStreamError'
  readonly code: 'invalid-id' | 'missing' | 'finalized'

  constructor(code: AssistantStreamError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The package's `ResumableStreamStore`; see its docstrings. */
export interface AssistantStreams {
  acquire(streamId: string, options?: { readonly ttlMs?: number }): Promise<'producer' | 'consumer'>
  acquireLease(streamId: string, options?: { readonly ttlMs?: number }): Promise<AssistantStreamAcquisition>
  append(streamId: string, chunk: Uint8Array, lease?: AssistantStreamLease): Promise<void>
  finalize(
    streamId: string,
    status: 'done' | 'error',
    error?: string,
    lease?: AssistantStreamLease,
  ): Promise<boolean>
  read(streamId: string, cursor: string, signal: AbortSignal): AsyncIterable<AssistantStreamEntry>
  status(streamId: string): Promise<AssistantStreamStatus>
  delete(streamId: string): Promise<void>
  /** Ends the streams of this process as errors. The store stays open. */
  close(): Promise<void>
}

/**
 * Keeps the streams of the package `assistant-stream` in a store:
 *
 *     createResumableStreamContext({ store: assistantStreams(store) })
 *
 * @throws {RangeError} naming the option that is out of range.
 */
export function assistantStreams(store: StreamStore, options: AdapterOptions = {}): AssistantStreams {
  checkOptions('assistantStreams()', options, ADAPTER_OPTIONS)
  return new Keeper(adapterSettings(store, options, '@assistant-stream/'))
}

/** The package's rule for ids. */
const STREAM_ID = /^[A-Za-z0-9_.:-]{1,256}$/
const CONTENT_TYPE = 'application/octet-stream'

class Keeper implements AssistantStreams {
  readonly #settings: AdapterSettings
  readonly #fillings: Fillings
  readonly #orphans: Orphans

  constructor(settings: AdapterSettings) {
    this.#settings = settings
    this.#fillings = new Fillings(settings)
    this.#orphans = new Orphans(settings, { fills: (id) => this.#fillings.has(id) })
  }

  async acquire(streamId: string, options?: { readonly ttlMs?: number }): Promise<'producer' | 'consumer'> {
    return (await this.acquireLease(streamId, options)).role
  }

  async acquireLease(
    streamId: string,
    options?: { readonly ttlMs?: number },
  ): Promise<AssistantStreamAcquisition> {
    const id = this.#idOf(streamId)
    const owner = this.#settings.owner(streamId)
    const config = { contentType: CONTENT_TYPE, ...(owner !== undefined && { owner }) }
    const create = (): Promise<Filling | undefined> => this.#fillings.create(id, config, options?.ttlMs)
    // An existing stream may have expired, kept only by the lease of a silent producer.
    const filling = (await create()) ?? ((await this.#orphans.look(id)) ? undefined : await create())
    return filling ? { role: 'producer', lease: { token: filling.incarnation } } : { role: 'consumer' }
  }

  async append(streamId: string, chunk: Uint8Array, lease?: AssistantStreamLease): Promise<void> {
    const { store } = this.#settings
    const id = this.#idOf(streamId)
    const filling = this.#filling(id, lease)
    if (!filling) throw await this.#whyNot(streamId, lease)
    const { recordBytes } = store.limits
    if (chunk.byteLength > recordBytes) {
      throw new RangeError(`A chunk of ${chunk.byteLength} bytes: the store takes ${recordBytes}`)
    }
    // A record cannot be empty, and a reader would not notice an empty chunk.
    if (chunk.byteLength === 0) return void (await store.touch(id, undefined, filling.incarnation))
    const refusal = await filling.write(chunk, chunk.byteLength)
    if (refusal === 'unwritable')
      throw new Error(`The store could not keep a chunk of the stream: ${streamId}`)
    if (refusal) throw await this.#whyNot(streamId, lease ?? { token: filling.incarnation })
  }

  async finalize(
    streamId: string,
    status: 'done' | 'error',
    error = 'Stream errored',
    lease?: AssistantStreamLease,
  ): Promise<boolean> {
    const id = this.#idOf(streamId)
    const filling = this.#filling(id, lease)
    if (filling && !filling.isEnding) {
      const end = status === 'done' ? COMPLETED : endAfterError(new RunFailedError('producer_failed', error))
      const outcome = await filling.end(end)
      if (outcome === 'ended') return true
      if (outcome === 'unwritable')
        throw new Error(`The store could not keep the end of the stream: ${streamId}`)
    }
    if (!(await this.#settings.store.head(id))) throw notFound(streamId)
    return false
  }

  async *read(streamId: string, cursor: string, signal: AbortSignal): AsyncGenerator<AssistantStreamEntry> {
    const { store } = this.#settings
    const place = cursor === '' ? 'start' : parsePlace(cursor)
    const pages = pagesOf(this.#idOf(streamId), place, { store, orphans: this.#orphans, signal })
    try {
      for (;;) {
        const result = await pages.next()
        if (signal.aborted) return
        if (result.done) return checkEnd(streamId, result.value)
        const { records, from, next } = result.value
        for (const [index, record] of records.entries()) {
          const offset = offsetBefore(next, from.position + index + 1)
          // A copy, because records returned by the store are shared between readers.
          yield { cursor: encodeOffset(offset), chunk: Uint8Array.from(record as Uint8Array) }
          if (signal.aborted) return
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      await pages.return({ type: 'gone', reason: 'missing' })
    }
  }

  async status(streamId: string): Promise<AssistantStreamStatus> {
    const id = this.#idOf(streamId)
    const { store } = this.#settings
    const filling = this.#fillings.get(id)
    if (filling?.isEnding) await filling.over
    let info = await store.head(id)
    if (info?.closed === false) {
      await this.#orphans.look(id)
      info = await store.head(id)
    }
    if (!info) return 'missing'
    if (!info.closed) return 'streaming'
    return readRunEnd(info.end)?.status === 'completed' ? 'done' : 'error'
  }

  async delete(streamId: string): Promise<void> {
    await this.#settings.store.delete(this.#idOf(streamId))
  }

  async close(): Promise<void> {
    await this.#orphans.stop()
    await this.#fillings.close()
  }

  #idOf(streamId: string): string {
    if (!STREAM_ID.test(streamId)) {
      throw new AssistantStreamError('invalid-id', `Invalid streamId: it must match ${STREAM_ID}`)
    }
    return `${this.#settings.prefix}${streamId}`
  }

  /** The stream that this process fills, if it is the one of the lease. */
  #filling(id: string, lease: AssistantStreamLease | undefined): Filling | undefined {
    const filling = this.#fillings.get(id)
    return lease && filling?.incarnation !== lease.token ? undefined : filling
  }

  /** Why nothing can be appended. */
  async #whyNot(streamId: string, lease: AssistantStreamLease | undefined): Promise<Error> {
    const info = await this.#settings.store.head(this.#idOf(streamId))
    if (!info) return notFound(streamId)
    if (lease && info.incarnation !== lease.token) {
      return new AssistantStreamError('missing', `Stream superseded by a new acquisition: ${streamId}`)
    }
    return info.closed
      ? new AssistantStreamError('finalized', `Stream already finalized: ${streamId}`)
      : new AssistantStreamError('missing', `Stream filled by another process: ${streamId}`)
  }
}

const COMPLETED: RunEnd = { status: 'completed' }

function notFound(streamId: string): Error {
  return new AssistantStreamError('missing', `Stream not found: ${streamId}`)
}

/** @throws {Error} for a stream that a reader must not take as complete. */
function checkEnd(streamId: string, end: PagesEnd): void {
  if (end.type === 'closed') {
    const { status, message } = readRunEnd(end.end) ?? {}
    if (status !== 'completed') throw new Error(message ?? 'Stream errored')
    return
  }
  switch (end.reason) {
    case 'deleted':
      return
    case 'missing':
      throw notFound(streamId)
    case 'expired':
      throw new AssistantStreamError('missing', `Stream expired: ${streamId}`)
    case 'trimmed':
      throw new AssistantStreamError('missing', `Stream trimmed: ${streamId}`)
    case 'lost':
      throw new AssistantStreamError('missing', `Not a cursor of this stream: ${streamId}`)
  }
}
