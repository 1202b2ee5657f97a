/** The streams in Redis: each call is one script, its answer in the terms of the store. */
import { Buffer } from 'node:buffer'
import type { Argument, Reply } from '../../redis/open-client.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import type { StreamState } from '../bookkeeping.ts'
import { endMember, newState, pageOf } from '../bookkeeping.ts'
import { StoreError } from '../errors.ts'
import { newIncarnation } from '../incarnation.ts'
import { kindOf, mediaTypeOf } from '../requests.ts'
import type { CheckedAppend, CheckedConfig } from '../requests.ts'
import type { AppendResult, ReadResult, StreamRecord } from '../store.ts'
import type { Keys } from './keys.ts'
import { lengthsOf, recordOf } from './live-message.ts'
import type { KeptAppend } from './recent-appends.ts'
import type { Scripts } from './scripts.ts'
import { parseState } from './state.ts'
import { APPEND, CREATE, CUT, DELETE, IS_KEPT, LOOK, READ, SWEEP, TOUCH } from './stream-scripts.ts'

export type CreateAnswer =
  | { readonly created: true; readonly state: StreamState; readonly now: number; readonly stamp: string }
  | { readonly created: false; readonly state: StreamState }

/** A place, and the stamp of the record before it; empty at the start. */
export interface StampedPlace {
  readonly offset: Offset
  readonly stamp: string
}

export interface NoPage {
  /** `lost`: what lies at the place is of another history. */
  readonly result: Exclude<ReadResult, { outcome: 'page' }> | { readonly outcome: 'lost' }
  /** Of a stream that is gone, as far as Redis knows. */
  readonly why?: 'expired' | 'lost'
}

export type StampedRead =
  | { readonly result: Extract<ReadResult, { outcome: 'page' }>; readonly stamp: string }
  | NoPage

export class StreamTable {
  readonly #scripts: Scripts
  readonly #keys: Keys

  constructor(scripts: Scripts, keys: Keys) {
    this.#scripts = scripts
    this.#keys = keys
  }

  async create(id: string, config: CheckedConfig): Promise<CreateAnswer> {
    const {
      contentType,
      owner = '',
      ttlMs,
      expiresAt,
      closed,
      end = '',
      metadata = '',
      lease,
      records,
    } = config
    const incarnation = newIncarnation()
    const stamp = newStamp()
    const reply = (await this.#scripts.onStream(CREATE, this.#keys.of(id), (server) => [
      incarnation,
      contentType,
      mediaTypeOf(contentType),
      kindOf(contentType),
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
      ...records.map(argumentOf),
    ])) as [Buffer, Reply]
    if (String(reply[0]) === 'there') return { created: false, state: parseState(reply[1]) }
    const now = Number(reply[1])
    return { created: true, state: newState(config, incarnation, now), now, stamp }
  }

  /** With the stamp that its records have when it is kept. */
  async append(id: string, request: CheckedAppend): Promise<{ result: AppendResult; stamp: string }> {
    const stamp = newStamp()
    return { result: appendResult(await this.#append(id, request, stamp, ''), request), stamp }
  }

  /** Appends what Redis has lost where it was, as if it had not. False when it cannot be so. */
  async restore(id: string, { request, from, stamp }: KeptAppend): Promise<boolean> {
    const [word] = (await this.#append(id, request, stamp, String(from))) as Reply[]
    return String(word) === 'appended' || String(word) === 'duplicate'
  }

  #append(id: string, request: CheckedAppend, stamp: string, tail: string): Promise<Reply> {
    const {
      incarnation = '',
      contentType,
      kind = '',
      close,
      end = '',
      producer,
      streamSeq = '',
      metadata = '',
      checkpoint = '',
      after,
    } = request
    const { records, bytes } = request
    return this.#scripts.onStream(APPEND, this.#keys.of(id), [
      incarnation,
      contentType === undefined ? '' : mediaTypeOf(contentType),
      kind,
      close ? '1' : '0',
      producer?.id ?? '',
      textOf(producer?.epoch),
      textOf(producer?.seq),
      streamSeq,
      metadata,
      checkpoint,
      stamp,
      lengthsOf(records, bytes),
      tail,
      end,
      after ? `${after.incarnation} ${after.position}` : '',
      ...records.map(argumentOf),
    ])
  }

  /** @param place with a stamp to be told whether the record there is still the same. */
  async read(
    id: string,
    place: Place | StampedPlace,
    maxRecords: number,
    maxBytes: number,
  ): Promise<StampedRead> {
    const stamped = typeof place === 'object' && 'offset' in place ? place : undefined
    const plain = stamped?.offset ?? (place as Place)
    const at = typeof plain === 'string' ? [plain, ''] : [plain.incarnation, String(plain.position)]
    const values = [...at, String(maxRecords), String(maxBytes), stamped?.stamp ?? '']
    const [word, ...reply] = (await this.#scripts.onStream(READ, this.#keys.of(id), values)) as Reply[]
    const outcome = String(word)
    if (outcome === 'missing' || outcome === 'foreign-offset' || outcome === 'lost') {
      const why = String(reply[0])
      return { result: { outcome }, ...((why === 'expired' || why === 'lost') && { why }) }
    }
    const incarnation = String(reply[0])
    if (outcome === 'past-end') {
      return { result: { outcome, tail: { incarnation, position: Number(reply[1]) } } }
    }
    if (outcome !== 'page') {
      throw new StoreError(
        'corrupt',
        `Redis no longer has all records of the stream ${id}: it deletes what should be kept (maxmemory-policy)`,
      )
    }
    const [, tail, closed, position, kind, stamp, end, ...found] = reply
    const type = String(kind) === 'bytes' ? 'bytes' : 'json'
    const records = found.map((record) => recordOf(record as Buffer, type))
    const state = {
      incarnation,
      tail: Number(tail),
      closed: closed === 1,
      closedWith: String(end) || undefined,
    }
    return { result: pageOf(state, Number(position), records), stamp: String(stamp) }
  }

  /** A stream that is there, and the stamp of its last record. */
  /** @param owner whose it has to be, null for nobody's; nothing comes of that of another. */
  async look(id: string, owner?: string | null): Promise<{ state: StreamState; stamp: string } | undefined> {
    const whose = owner === undefined ? '' : owner === null ? '-' : `+${owner}`
    const [fields, stamp] = (await this.#scripts.onStream(LOOK, this.#keys.of(id), [whose])) as Reply[]
    return fields === undefined ? undefined : { state: parseState(fields), stamp: String(stamp) }
  }

  /** Whether there is anything of a stream, be its time over or not. */
  async isKept(id: string): Promise<boolean> {
    return (await this.#scripts.onStream(IS_KEPT, this.#keys.of(id))) === 1
  }

  async touch(id: string, incarnation = ''): Promise<boolean> {
    return (await this.#scripts.onStream(TOUCH, this.#keys.of(id), [incarnation])) === 1
  }

  async delete(
    id: string,
    known = '',
  ): Promise<{ incarnation: string; owner: string | undefined } | undefined> {
    const [incarnation, owner] = (await this.#scripts.onStream(DELETE, this.#keys.of(id), [known])) as Reply[]
    return incarnation === undefined
      ? undefined
      : { incarnation: String(incarnation), owner: String(owner) || undefined }
  }

  /** Removes a stream whose time is over; says when another one ends. */
  async sweep(
    id: string,
  ): Promise<
    | { readonly found: 'missing' }
    | { readonly found: 'removed'; readonly owner: string | undefined }
    | { readonly found: 'alive'; readonly endsAt: number | undefined }
  > {
    const [found, value] = (await this.#scripts.onStream(SWEEP, this.#keys.of(id))) as Reply[]
    const text = value === undefined ? '' : String(value)
    if (String(found) === 'removed') return { found: 'removed', owner: text || undefined }
    if (String(found) === 'alive') return { found: 'alive', endsAt: text === '' ? undefined : Number(text) }
    return { found: 'missing' }
  }

  /** Gives a stream that has lost what was told another incarnation, unless it has not. */
  async cut(id: string, { offset, stamp }: StampedPlace): Promise<void> {
    const values = [offset.incarnation, String(offset.position), stamp, newIncarnation()]
    await this.#scripts.onStream(CUT, this.#keys.of(id), values)
  }
}

function appendResult(reply: Reply, { close, producer }: CheckedAppend): AppendResult {
  const [word, ...rest] = reply as readonly Reply[]
  const outcome = String(word) as AppendResult['outcome']
  const offset = { incarnation: String(rest[0]), position: Number(rest[1]) }
  switch (outcome) {
    case 'appended':
      return { outcome, offset, closed: close }
    case 'missing':
    case 'leased':
      return { outcome }
    case 'moved':
      return { outcome, offset }
    case 'closed':
      return { outcome, offset, ...endMember(String(rest[2]) || undefined) }
    case 'content-type':
      return { outcome, contentType: String(rest[0]) }
    case 'fenced':
      return { outcome, epoch: Number(rest[0]) }
    case 'epoch-start':
      return { outcome, receivedSeq: producer?.seq ?? 0 }
    case 'gap':
      return { outcome, expectedSeq: Number(rest[0]), receivedSeq: producer?.seq ?? 0 }
    case 'stream-seq':
      return { outcome, last: String(rest[0]) }
    case 'duplicate': {
      const lastSeq = String(rest[3])
      const end = endMember(String(rest[4]) || undefined)
      return {
        outcome,
        offset,
        closed: rest[2] === 1,
        ...end,
        ...(lastSeq !== '' && { lastSeq: Number(lastSeq) }),
      }
    }
  }
}

/** Of one append: 32 bits, and only two appends at the same position must not meet. */
function newStamp(): string {
  return String(Math.floor(Math.random() * 2 ** 32))
}

function argumentOf(record: StreamRecord): Argument {
  return typeof record === 'string'
    ? record
    : Buffer.from(record.buffer, record.byteOffset, record.byteLength)
}

function textOf(value: number | undefined): string {
  return value === undefined ? '' : String(value)
}
