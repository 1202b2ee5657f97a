/** Opens what a loss of power left, and holds it against what was acknowledged. */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Run, type RunEnd, StoreError, type StreamStore, sqlite, streaming } from 'millrace'
import { decodeOffset } from '../../src/protocol/offset.ts'
import type { Place } from '../../src/protocol/offset.ts'
import { readRunEnd } from '../../src/protocol/run-end.ts'
import { counting } from './counting.ts'
import type { Knowledge, StreamKnowledge } from './knowledge.ts'
import { textOf } from './records.ts'

/** A promise that was broken: its name and what was found. */
export class Broken extends Error {
  readonly promise: string

  constructor(promise: string, found: string) {
    super(`${promise}: ${found}`)
    this.promise = promise
  }
}

/** Beyond every lease of the traced server. */
const LATER_MS = 60_000
/** Of the server that takes the runs over. */
const LEASE = 0.4
const END_WITHIN_MS = 30_000

/**
 * @param goOn whether the runs are taken over and followed to their ends as well, which takes longer.
 * @throws {Broken} for the first promise that does not hold.
 */
export async function holdPromises(file: string, knowledge: Knowledge, goOn: boolean): Promise<void> {
  const store = open(file)
  try {
    // The file is opened when it is first used, which knowledge of no stream would not do.
    await store.head('nothing')
    for (const known of knowledge.streams.values()) await holdStream(store, known)
    if (goOn) await holdRuns(store, knowledge)
  } catch (error) {
    throw error instanceof StoreError ? new Broken('the file is sound', error.message) : error
  } finally {
    await store.close()
  }
  checkFile(file)
}

function checkFile(file: string): void {
  const db = new DatabaseSync(file)
  let verdict: unknown
  try {
    verdict = Object.values(db.prepare('PRAGMA integrity_check').get() ?? {})[0]
  } catch (error) {
    verdict = error
  } finally {
    db.close()
  }
  if (verdict !== 'ok') throw new Broken('the file is sound', String(verdict))
}

function open(file: string): StreamStore {
  try {
    return sqlite(file, { clock: () => Date.now() + LATER_MS })
  } catch (error) {
    throw new Broken('the file opens', String(error))
  }
}

async function holdStream(store: StreamStore, known: StreamKnowledge): Promise<void> {
  const { id } = known
  const info = await store.head(id)
  if (!info) {
    if (known.created && !known.deleting) throw new Broken('what was created is there', id)
    return
  }
  if (known.deleted) throw new Broken('what was deleted is gone', id)
  const { records } = await recordsOf(store, id)
  if (records.length < known.kept) {
    throw new Broken('seen means kept', `${id} has ${records.length} records of ${known.kept}`)
  }
  if (records.length > known.asked) {
    throw new Broken('nothing is there that nobody wrote', `${id} has ${records.length} of ${known.asked}`)
  }
  for (const [n, record] of records.entries()) {
    if (record !== textOf(id, known.life, n)) {
      throw new Broken('records keep order and text', `${id} at ${n}: ${record.slice(0, 80)}`)
    }
  }
  if (known.closed && !info.closed) throw new Broken('what was closed stays closed', id)
  if (info.closed && !known.closing) throw new Broken('nothing is closed that nobody closed', id)
  await holdPlaces(store, known)
  if (info.closed) return
  const value = (info.metadata as { value?: number } | undefined)?.value
  if (!id.startsWith('run-') && !known.metadata.includes(value)) {
    throw new Broken('metadata is kept', `${id} has ${value}, not ${known.metadata.join(' or ')}`)
  }
  await holdProducer(store, known)
  await holdLease(store, known)
}

async function holdPlaces(store: StreamStore, { id, places }: StreamKnowledge): Promise<void> {
  const place = places.at(-1)
  if (place === undefined) return
  const { outcome } = await store.read(id, decodeOffset(place), { maxRecords: 1 })
  if (outcome !== 'page') throw new Broken('offsets hold', `${id} answers ${outcome} at ${place}`)
}

async function holdProducer(store: StreamStore, { id, life, seq }: StreamKnowledge): Promise<void> {
  if (seq === undefined) return
  const producer = { id: 'writer', epoch: 0, seq }
  const { outcome } = await store.append(id, { records: [textOf(id, life, 0)], producer })
  if (outcome !== 'duplicate') throw new Broken('an append is known again', `${id} answers ${outcome}`)
}

async function holdLease(store: StreamStore, { id, epoch }: StreamKnowledge): Promise<void> {
  if (epoch === 0) return
  const expired = await store.leases.expired()
  const lease = expired.find(({ stream }) => stream === id)
  if (!lease || lease.epoch < epoch) {
    throw new Broken('a run can be taken over', `${id} has the epoch ${lease?.epoch}, not ${epoch}`)
  }
}

async function recordsOf(store: StreamStore, id: string): Promise<{ records: string[]; end: boolean }> {
  const records: string[] = []
  for (let after: Place = 'start'; ;) {
    const page = await store.read(id, after)
    if (page.outcome !== 'page') throw new Broken('a log can be read', `${id}: ${page.outcome}`)
    records.push(...(page.records as string[]))
    if (page.upToDate) {
      return { records, end: readRunEnd(page.end) !== undefined }
    }
    if (page.records.length === 0) throw new Broken('a log can be read', `${id} has a page of nothing`)
    after = page.next
  }
}

/** Its end, within many leases: a file that is damaged may leave it for good. */
async function soon(run: Run): Promise<RunEnd> {
  const patience = new AbortController()
  const late = sleep(END_WITHIN_MS, undefined, { signal: patience.signal }).then(() => {
    throw new Broken('a run ends', `${run.id} goes on for ${END_WITHIN_MS / 1000} s`)
  })
  try {
    return await Promise.race([run.end, late])
  } finally {
    patience.abort()
    late.catch(() => undefined)
  }
}

/** Every run that is there ends, and its log is whole. */
async function holdRuns(store: StreamStore, knowledge: Knowledge): Promise<void> {
  const server = streaming({ store, leaseTtl: LEASE, shutdownGrace: 0, runs: { counting: counting(0) } })
  server.open()
  try {
    // The file is opened when it is first used, which knowledge of no stream would not do.
    await store.head('nothing')
    for (const known of knowledge.streams.values()) {
      const run = known.id.startsWith('run-') ? await server.runs.get(known.id) : undefined
      if (!run) continue
      const { status } = await soon(run)
      const stopped = known.stopping && status === 'stopped'
      if (status !== 'completed' && !stopped) throw new Broken('a run ends', `${known.id} is ${status}`)
      const { records, end } = await recordsOf(store, known.id)
      if (!end) throw new Broken('a run ends', `${known.id} has no end in its log`)
      for (const [n, record] of records.entries()) {
        if (record === textOf(known.id, 0, n)) continue
        throw new Broken('a run goes on at the exact record', `${known.id} at ${n}: ${record.slice(0, 80)}`)
      }
    }
  } finally {
    await server.close()
  }
}
