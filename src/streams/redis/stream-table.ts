/** The streams in Redis. Each call is one script; answers are in the terms of the store. */
import type { Buffer } from 'node:buffer'
import type { Reply } from '../../redis/open-client.ts'
import type { Place } from '../../protocol/offset.ts'
import type { StreamState } from '../bookkeeping/stream-state.ts'
import { newState, pageOf } from '../bookkeeping/bookkeeping.ts'
import { StoreError } from '../errors.ts'
import { forkState } from '../bookkeeping/fork-bookkeeping.ts'
import type { Fork } from '../bookkeeping/fork-bookkeeping.ts'
import type { ForkPoint } from '../forks.ts'
import { newIncarnation, Stamps } from '../incarnation.ts'
import { recordKindOf, mediaTypeOf } from '../bookkeeping/requests.ts'
import type { CheckedConfig } from '../bookkeeping/configurations.ts'
import type { CheckedAppend } from '../bookkeeping/requests.ts'
import type { AppendResult, ReadResult, TrimResult } from '../store.ts'
import type { StreamLimits } from '../stream.ts'
import { appendResult } from './append-result.ts'
import { listOf } from './keys.ts'
import type { Keys } from './keys.ts'
import { recordOf } from './following/live-message.ts'
import type { KeptAppend } from './recent-appends.ts'
import type { Scripts } from './scripts/scripts.ts'
import { APPEND } from './scripts/append-script.ts'
import { appendOptions } from './scripts/append-options.ts'
import { CUT } from './scripts/cut-script.ts'
import { READ } from './scripts/read-script.ts'
import { argumentOf, argumentsOf, textOf } from './scripts/script-values.ts'
import { parseState } from './state.ts'
import type { GoneFork, IncarnatePlace } from './state.ts'
import { COLLECT, TRIM } from './scripts/trim-scripts.ts'
import { CREATE, DELETE, IS_KEPT, LOOK, SWEEP, TOUCH } from './scripts/stream-scripts.ts'

/** Records removed in one step, which blocks Redis for about as many microseconds. */
const COLLECTED = 1000

export type CreateAnswer =
  | { readonly created: true; readonly state: StreamState; readonly now: number }
  | { readonly created: false; readonly state: StreamState }
  | { readonly created: false; readonly retired: true }

/** The inherited records of a fork, under a key of their own. */
export interface CopiedFork {
  readonly fork: Fork
  readonly token: string
  readonly copy: string
  /** Of the records in it. */
  readonly bytes: number
}

export interface ReadAnswer {
  readonly result: ReadResult
  /** Why the stream is gone, as far as Redis knows. */
  readonly why?: 'expired' | 'lost'
}

/** Nothing was stored: the stream is on this list, and is not marked there. */
export interface Unmarked {
  readonly unmarked: string
}

export interface AppendAnswer {
  readonly result: AppendResult
  /** The list of the stream, if records were appended. */
  readonly listed: string | undefined
  /** The incarnation of the stream, if records were appended. */
  readonly incarnation: string
  /** The stamp of its records, if it was stored. */
  readonly stamp: string
  /** Whether it trimmed records. */
  readonly trimmed: boolean
}

/** How a removed stream was listed, and which fork is gone with it. */
export interface RemovedStream {
  readonly owner: string | undefined
  readonly list: string | undefined
  readonly gone: GoneFork | undefined
}

export class RedisStreamTable {
  readonly #scripts: Scripts
  readonly #keys: Keys
  readonly #producers: string
  readonly #stamps = new Stamps()

  constructor(scripts: Scripts, keys: Keys, limits: Pick<StreamLimits, 'producers'>) {
    this.#scripts = scripts
    this.#keys = keys
    this.#producers = String(limits.producers)
  }

  async create(id: string, config: CheckedConfig, copied?: CopiedFork): Promise<CreateAnswer> {
    const {
      contentType,
      owner = '',
      ttlMs,
      expiresAt,
      closed,
      end = '',
      metadata = '',
      lease,
      retention,
      records,
    } = config
    const incarnation = newIncarnation()
    const stamp = this.#stamps.next()
    const { state, log } = this.#keys.of(id)
    const keys = copied ? [state, log, copied.copy] : [state, log]
    const reply = (await this.#scripts.run(CREATE, keys, (server) => [
      incarnation,
      contentType,
      mediaTypeOf(contentType),
      recordKindOf(contentType),
      owner,
      textOf(ttlMs),
      textOf(expiresAt),
      closed ? '1' : '0',
      metadata,
      server,
      stamp,
      lease?.holder ?? '',
      textOf(lease?.ttlMs),
      end,
      retention ? `${retention.ageMs ?? 0} ${retention.bytes ?? 0}` : '',
      ...(copied ? inheritance(copied) : NOTHING_INHERITED),
      listOf(config) ?? '',
      ...records.map(argumentOf),
    ])) as [Buffer, Reply, Reply]
    if (String(reply[0]) === 'retired') return { created: false, retired: true }
    if (String(reply[0]) === 'incomplete')
      throw new StoreError('unavailable', `Redis has lost a part of the fork ${id}: try again`)
    if (String(reply[0]) === 'there') return { created: false, state: parseState(reply[1], reply[2]) }
    const now = Number(reply[1])
    const made = copied
      ? forkState(copied.fork, incarnation, stamp, now)
      : newState(config, incarnation, stamp, now)
    return { created: true, state: made, now }
  }

  /** @param list the list on which the append is marked. */
  async append(id: string, request: CheckedAppend, list?: string): Promise<AppendAnswer | Unmarked> {
    const stamp = this.#stamps.next()
    const reply = await this.#append(id, request, stamp, undefined, list)
    // The usual answer: `tail incarnation`.
    if (typeof reply === 'string') {
      const space = reply.indexOf(' ')
      const offset = { position: Number(reply.slice(0, space)), stamp }
      const result = { outcome: 'appended', offset, closed: request.close } as const
      return { result, listed: undefined, incarnation: reply.slice(space + 1), stamp, trimmed: false }
    }
    const fields = reply as readonly Reply[]
    if (String(fields[0]) === 'unmarked') return { unmarked: String(fields[1]) }
    return {
      result: appendResult(fields, request),
      listed: String(fields[5] ?? '') || undefined,
      incarnation: String(fields[3]),
      stamp,
      trimmed: fields[4] === 1,
    }
  }

  /** Restores lost records at their old place. False if that is not possible. */
  async restore(id: string, { request, from, stamp }: KeptAppend): Promise<boolean> {
    const reply = await this.#append(id, request, stamp, from, '*')
    if (typeof reply === 'string') return true
    const word = String((reply as readonly Reply[])[0])
    return word === 'appended' || word === 'duplicate'
  }

  #append(
    id: string,
    request: CheckedAppend,
    stamp: string,
    tail: number | undefined,
    list: string | undefined,
  ): Promise<Reply> {
    const { records, kind = '', producer } = request
    const options = appendOptions(request, tail, list, this.#producers)
    const values = [
      stamp,
      kind,
      producer?.id ?? '',
      textOf(producer?.epoch),
      textOf(producer?.seq),
      String(options.length / 2),
      ...options,
      ...records.map(argumentOf),
    ]
    return this.#scripts.onStream(APPEND, this.#keys.of(id), values)
  }

  /** @param incarnation the expected one; any other is missing. */
  async read(
    id: string,
    place: Place,
    maxRecords: number,
    maxBytes: number,
    incarnation: string = '',
  ): Promise<ReadAnswer> {
    const values = [incarnation, ...argumentsOf(place), String(maxRecords), String(maxBytes)]
    const reply = (await this.#scripts.onStream(READ, this.#keys.of(id), values)) as Reply[]
    const outcome = String(reply[0])
    if (outcome === 'lost') return { result: { outcome } }
    if (outcome === 'missing') {
      const why = String(reply[1])
      return { result: { outcome }, ...((why === 'expired' || why === 'lost') && { why }) }
    }
    const there = { position: Number(reply[2]), stamp: String(reply[1]) }
    if (outcome === 'past-end') return { result: { outcome, tail: there } }
    if (outcome === 'trimmed') return { result: { outcome, first: there } }
    if (outcome !== 'page') throw damaged(id)
    const [, , tail, closed, position, kind, here, last, end, ...found] = reply
    const type = String(kind) === 'bytes' ? 'bytes' : 'json'
    const records = found.map((record) => recordOf(record as Buffer, type))
    const from = { position: Number(position), stamp: String(here) }
    const next = { position: from.position + records.length, stamp: String(last) }
    const state = { tail: Number(tail), closed: closed === 1, closedWith: String(end) || undefined }
    return { result: pageOf(state, from, next, records) }
  }

  /**
   * An existing stream.
   *
   * @param owner the expected owner, null for none; a stream of another owner is not returned.
   */
  async look(id: string, owner?: string | null): Promise<StreamState | undefined> {
    const whose = owner === undefined ? '' : owner === null ? '-' : `+${owner}`
    const [fields, stamp] = (await this.#scripts.onStream(LOOK, this.#keys.of(id), [whose])) as Reply[]
    return fields === undefined || stamp === undefined ? undefined : parseState(fields, stamp)
  }

  /** Whether anything of a stream exists, expired or not. */
  async isKept(id: string): Promise<boolean> {
    return (await this.#scripts.onStream(IS_KEPT, this.#keys.of(id))) === 1
  }

  async touch(id: string, incarnation = ''): Promise<boolean> {
    return (await this.#scripts.onStream(TOUCH, this.#keys.of(id), [incarnation])) === 1
  }

  /** Trimmed records are left to `collect`. */
  async trim(id: string, before: Place, incarnation = ''): Promise<TrimResult> {
    const values = [incarnation, ...argumentsOf(before)]
    const [word, stamp, position] = (await this.#scripts.onStream(TRIM, this.#keys.of(id), values)) as Reply[]
    const outcome = String(word)
    const there = { position: Number(position), stamp: String(stamp) }
    if (outcome === 'missing' || outcome === 'lost') return { outcome }
    if (outcome === 'past-end') return { outcome, tail: there }
    if (outcome === 'trimmed') return { outcome, first: there }
    throw damaged(id)
  }

  /** Removes some trimmed records, and returns whether there are more. */
  async collect(id: string): Promise<boolean> {
    return (await this.#scripts.onStream(COLLECT, this.#keys.of(id), [String(COLLECTED)])) === 1
  }

  async delete(
    id: string,
    known = '',
  ): Promise<(RemovedStream & { readonly incarnation: string }) | undefined> {
    const [incarnation, owner, ...link] = (await this.#scripts.onStream(DELETE, this.#keys.of(id), [
      known,
    ])) as Reply[]
    return incarnation === undefined
      ? undefined
      : { incarnation: String(incarnation), ...removedStream(id, owner, link) }
  }

  /** Removes an expired stream; tells when another one expires. */
  async sweep(
    id: string,
    removes: boolean,
  ): Promise<
    | { readonly found: 'missing' }
    | ({ readonly found: 'removed' } & RemovedStream)
    | { readonly found: 'alive'; readonly endsAt: number | undefined; readonly trimmed: boolean }
  > {
    const [found, value, ...rest] = (await this.#scripts.onStream(SWEEP, this.#keys.of(id), [
      removes ? '1' : '0',
    ])) as Reply[]
    const text = value === undefined ? '' : String(value)
    if (String(found) === 'removed') return { found: 'removed', ...removedStream(id, text, rest) }
    if (String(found) === 'alive')
      return { found: 'alive', endsAt: text === '' ? undefined : Number(text), trimmed: rest[0] === 1 }
    return { found: 'missing' }
  }

  /** Gives a stream that has lost told records another incarnation, if it really has. */
  async cut(id: string, { incarnation, at }: IncarnatePlace): Promise<void> {
    const values = [incarnation, String(at.position), at.stamp, newIncarnation()]
    await this.#scripts.onStream(CUT, this.#keys.of(id), values)
  }
}

function damaged(id: string): StoreError {
  return new StoreError(
    'corrupt',
    `Redis no longer has all records of the stream ${id}: it deletes what should be kept (maxmemory-policy)`,
  )
}

const NOTHING_INHERITED = ['', '', '', '', '', '']

function inheritance({ fork: { source, point, inherited }, token, bytes }: CopiedFork): readonly string[] {
  const { first, firstStamp } = source
  return [JSON.stringify(point), token, String(first), String(inherited), firstStamp, String(bytes)]
}

function removedStream(id: string, owner: Reply | undefined, rest: readonly Reply[]): RemovedStream {
  const [token, point, list] = rest
  const gone = token === undefined || point === undefined ? undefined : goneFork(id, [token, point])
  return { owner: String(owner) || undefined, list: String(list) || undefined, gone }
}

/** Parses what `remove` returns about a fork that is gone for good. */
function goneFork(id: string, [token, point]: readonly Reply[]): GoneFork | undefined {
  if (token === undefined || String(token) === '') return undefined
  return { id, token: String(token), point: JSON.parse(String(point)) as ForkPoint }
}
