/** The suite is put to the test: a store that breaks a rule must not pass the cases of that rule. */
import { Buffer } from 'node:buffer'
import { describe, expect, it } from 'vitest'
import type { Offset, Place } from '../../src/protocol/offset.ts'
import { StreamInbox } from '../../src/streams/watching.ts'
import type { ClaimResult, LeaseStore } from '../../src/streams/leases.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStoreOptions } from '../../src/streams/options.ts'
import type {
  AppendRequest,
  AppendResult,
  ReadResult,
  StreamStore,
  TrimResult,
} from '../../src/streams/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import type { StreamEvent } from '../../src/streams/watching.ts'
import { streamStoreCases, type StreamStoreHarness } from '../../src/conformance/stream-store-cases.ts'

type Fault = (store: StreamStore) => Partial<StreamStore>

/** What a broken store does not tell is waited for in vain, so not for long. */
const PATIENCE = 0.2

/** Each breaks one rule, and at least one case of that rule must notice. */
const BROKEN: readonly [rule: string, what: string, fault: Fault][] = [
  [
    'ST-1',
    'takes any id',
    (store) => ({ head: (id) => store.head(id.replace(/[^!-~]/g, '_').slice(0, 99) || '_') }),
  ],
  [
    'ST-2',
    'forgets the owner',
    (store) => ({ create: (id, { owner: _, ...config } = {}) => store.create(id, config) }),
  ],
  [
    'ST-3',
    'forgets the first records',
    (store) => ({ create: (id, config, signal) => store.create(id, { ...config, records: [] }, signal) }),
  ],
  [
    'ST-4',
    'creates over what is there',
    (store) => ({ create: (id, config) => store.delete(id).then(() => store.create(id, config)) }),
  ],
  [
    'ST-5',
    'never conflicts',
    (store) => ({ create: async (id, config) => exists(await store.create(id, config)) }),
  ],
  [
    'ST-7',
    'takes both kinds of expiry',
    (store) => ({
      create: (id, config = {}) =>
        store.create(
          id,
          config.ttlMs === undefined ? config : ({ ...config, expiresAt: undefined } as never),
        ),
    }),
  ],
  [
    'ST-9',
    'reverses an append',
    (store) => appending(store, (request) => ({ ...request, records: request.records?.toReversed() ?? [] })),
  ],
  [
    'ST-9',
    'leaves a gap',
    (store) => reading(store, (page) => ({ ...page, records: page.records.filter((_, n) => n !== 1) })),
  ],
  ['ST-9', 'lets every third append overtake', (store) => overtaking(store)],
  [
    'ST-10',
    'writes JSON anew',
    (store) =>
      appending(store, (request) => ({ ...request, records: request.records?.map(rewritten) ?? [] })),
  ],
  [
    'ST-11',
    'drops what is no JSON',
    (store) =>
      appending(store, (request) => ({ ...request, records: request.records?.filter(isJson) ?? [] })),
  ],
  [
    'ST-12',
    'ignores the content type',
    (store) => appending(store, ({ contentType: _, ...request }) => request),
  ],
  [
    'ST-15',
    'ignores metadata',
    (store) =>
      appending(store, ({ metadata: _, ...request }) => ({
        records: [],
        ...request,
        close: request.close ?? false,
      })),
  ],
  [
    'ST-16',
    'ignores the incarnation',
    (store) => appending(store, ({ incarnation: _, ...request }) => request),
  ],
  ['ST-16', 'ignores the place', (store) => appending(store, ({ after: _, ...request }) => request)],
  [
    'ST-22',
    'looks at the place first',
    (store) => ({ append: (id, request) => placeFirst(store, id, request) }),
  ],
  ['ST-74', 'does not trim', (store) => ({ trim: (id) => trimmedNothing(store, id) })],
  [
    'ST-74',
    'takes position 0 of a trimmed stream for its start',
    (store) => ({
      read: (id, after, options) => store.read(id, isStart(after) ? 'start' : after, options),
    }),
  ],
  [
    'ST-75',
    'trims by the position alone',
    (store) => ({
      trim: (id, before, signal, incarnation) =>
        store.trim(
          id,
          typeof before === 'object' && 'position' in before ? { position: before.position } : before,
          signal,
          incarnation,
        ),
    }),
  ],
  ['ST-75', 'trims any incarnation', (store) => ({ trim: (id, before) => store.trim(id, before) })],
  [
    'ST-76',
    'trims what is open alone',
    (store) => ({
      trim: async (id, before) =>
        (await store.head(id))?.closed ? trimmedNothing(store, id) : store.trim(id, before),
    }),
  ],
  [
    'ST-78',
    'keeps all',
    (store) => ({ create: (id, { retention: _, ...config } = {}) => store.create(id, config) }),
  ],
  ['ST-79', 'sweeps no ages', () => ({ sweep: () => Promise.resolve(0) })],
  ['ST-32', 'deletes any incarnation', (store) => ({ delete: (id, signal) => store.delete(id, signal) })],
  ['ST-17', 'ignores the stream seq', (store) => appending(store, ({ streamSeq: _, ...request }) => request)],
  ['ST-18', 'ignores producers', (store) => appending(store, ({ producer: _, ...request }) => request)],
  ['ST-19', 'ignores seqs', (store) => appending(store, ({ producer: _, ...request }) => request)],
  [
    'ST-20',
    'has one epoch',
    (store) =>
      appending(store, (request) =>
        request.producer ? { ...request, producer: { ...request.producer, epoch: 0 } } : request,
      ),
  ],
  [
    'ST-21',
    'has one producer',
    (store) =>
      appending(store, (request) =>
        request.producer ? { ...request, producer: { ...request.producer, id: 'p' } } : request,
      ),
  ],
  [
    'ST-23',
    'closes in a second step',
    (store) => ({
      append: async (id, { close, ...request }) =>
        close && request.records
          ? (await store.append(id, request), store.append(id, { close }))
          : store.append(id, close ? { close, ...request } : request),
    }),
  ],
  [
    'ST-24',
    'does not close',
    (store) => appending(store, ({ close: _, ...request }) => ({ metadata: null, ...request })),
  ],
  ['ST-26', 'ignores limits', (store) => ({ read: (id, after) => store.read(id, after) })],
  [
    'ST-26',
    'gives JSON without records',
    (store) => reading(store, (page) => ({ ...page, json: Buffer.from('1') })),
  ],
  ['ST-26', 'is up to date too soon', (store) => reading(store, (page) => ({ ...page, upToDate: true }))],
  [
    'ST-27',
    'includes the record at the offset',
    (store) => ({
      read: (id, after, options) =>
        store.read(id, typeof after === 'object' && 'stamp' in after ? moved(after, -1) : after, options),
    }),
  ],
  [
    'ST-28',
    'takes any stamp',
    (store) => ({
      read: (id, after, options) =>
        store.read(
          id,
          typeof after === 'object' && 'stamp' in after ? { position: after.position } : after,
          options,
        ),
    }),
  ],
  [
    'ST-29',
    'takes offsets past the tail',
    (store) => ({
      read: async (id, after, options) =>
        typeof after === 'object' && 'position' in after && after.position > 3
          ? store.read(id, 'now', options)
          : store.read(id, after, options),
    }),
  ],
  [
    'ST-31',
    'ignores the prefix',
    (store) => ({ list: ({ prefix: _, ...options } = {}) => store.list(options) }),
  ],
  ['ST-32', 'does not delete', () => ({ delete: async () => true })],
  [
    'ST-33',
    'tells in a later turn',
    (store) => watching(store, (event, tell) => void setTimeout(() => tell(event))),
  ],
  ['ST-33', 'tells twice', (store) => watching(store, (event, tell) => [event, event].forEach(tell))],
  [
    'ST-34',
    'misses every tenth event',
    (store) =>
      watching(store, (event, tell) =>
        event.type === 'append' && event.next.position % 10 === 0 ? undefined : tell(event),
      ),
  ],
  [
    'ST-35',
    'does not stop',
    (store) => ({ watch: async (id, listener) => ({ ...(await store.watch(id, listener)), stop() {} }) }),
  ],
  [
    'ST-37',
    'does not say that it is gone',
    (store) => watching(store, (event, tell) => (event.type === 'gone' ? undefined : tell(event))),
  ],
  ['ST-38', 'does not touch', () => ({ touch: async () => true })],
  [
    'ST-38',
    'prolongs with each head',
    (store) => ({ head: (id) => store.touch(id).then(() => store.head(id)) }),
  ],
  ['ST-40', 'does not sweep', () => ({ sweep: async () => 0 })],
  [
    'ST-42',
    'gives a lease to everybody',
    (store) =>
      leasing(store, {
        acquire: (id, request) => free(store, id).then(() => store.leases.acquire(id, request)),
      }),
  ],
  [
    'ST-44',
    'lets anybody write as the holder',
    (store) =>
      appending(store, (request) =>
        request.producer?.id === '@lease'
          ? { ...request, producer: { ...request.producer, id: 'x' } }
          : request,
      ),
  ],
  [
    'ST-44',
    'forgets a lease that is over',
    (store) => ({
      append: async (id, request) => {
        const [over] = await store.leases.expired()
        const producer = { id: '@lease', epoch: over?.epoch ?? 0, seq: 0 }
        return store.append(id, over && !request.producer ? { ...request, producer } : request)
      },
    }),
  ],
  [
    'ST-45',
    'does not renew',
    (store) => leasing(store, { renew: async (lease) => ({ outcome: 'renewed', lease }) }),
  ],
  ['ST-46', 'does not hand over', (store) => leasing(store, { handOver: async () => true })],
  [
    'ST-46',
    'renews what was handed over',
    (store) =>
      leasing(store, {
        handOver: async (lease) => (await store.leases.renew({ ...lease, ttlMs: 1 })).outcome === 'renewed',
      }),
  ],
  ['ST-47', 'lists no leases', (store) => leasing(store, { expired: async () => [] })],
  [
    'ST-49',
    'creates without the lease',
    (store) => ({ create: (id, { lease: _, ...config } = {}) => store.create(id, config) }),
  ],
  ['ST-51', 'ignores signals', (store) => ({ head: (id) => store.head(id) })],
  ['ST-52', 'does not close', () => ({ close: async () => {} })],
  [
    'ST-56',
    'gives an inbox every other event',
    (store) => gathering(store, (inbox) => inbox.take() && inbox.take()),
  ],
  [
    'ST-56',
    'joins records by something else',
    (store) => giving(store, (json) => json.replaceAll(',', ', ')),
  ],
  ['ST-56', 'gives JSON without records', (store) => giving(store, () => '1')],
  ['ST-56', 'forgets what was not taken when the stream is gone', (store) => gathering(store, goneOrFirst)],
  [
    'ST-56',
    'does not tell an inbox that its stream is closed',
    (store) => gathering(store, (inbox) => opened(inbox.take())),
  ],
  [
    'ST-57',
    'calls an inbox once only',
    (store) => {
      const called = new Set<StreamInbox>()
      return gathering(
        store,
        (inbox) => inbox.take(),
        (inbox) => {
          if (called.has(inbox)) return
          called.add(inbox)
          inbox.call()
        },
      )
    },
  ],
  [
    'ST-61',
    'forgets what a close leaves owed',
    (store) => appending(store, ({ owes: _, ...request }) => request),
  ],
  [
    'ST-61',
    'leaves what is owed to whoever acquires',
    (store) =>
      leasing(store, {
        acquire: async (id, request) => {
          const incarnation = (await store.head(id))?.incarnation ?? ''
          const claimed = await store.leases.claim({ stream: id, incarnation }, request)
          return claimed.outcome === 'claimed'
            ? { ...claimed, outcome: 'acquired' }
            : store.leases.acquire(id, request)
        },
      }),
  ],
  [
    'ST-62',
    'lets two claim what is owed',
    (store) => {
      let last: ClaimResult = { outcome: 'lost' }
      return leasing(store, {
        claim: async (owed, request) => {
          const result = await store.leases.claim(owed, request)
          if (result.outcome === 'claimed') last = result
          return last
        },
      })
    },
  ],
  ['ST-63', 'does not settle', (store) => leasing(store, { settle: async () => true })],
  [
    'ST-57',
    'gives a stopped inbox what waited',
    (store) => ({ watch: async (id, listener) => ({ ...(await store.watch(id, listener)), stop() {} }) }),
  ],
  [
    'ST-57',
    'gives what waits when it has ended',
    (store) => ({ close: () => Promise.resolve(store.sweep()).then(() => {}) }),
  ],
]

describe('a broken store is noticed', () => {
  it.each(BROKEN)('%s: it %s', async (rule, _what, fault) => {
    const cases = streamStoreCases.filter(({ rules, needs }) => rules.includes(rule) && needs.length === 0)
    const outcomes = await Promise.allSettled(cases.map((storeCase) => storeCase.run(harness(fault))))
    expect(outcomes.map(({ status }) => status)).toContain('rejected')
  })

  it('and one that is not broken is not', async () => {
    const cases = streamStoreCases.filter(({ needs }) => needs.length === 0)
    await Promise.all(cases.map((storeCase) => storeCase.run(harness(() => ({})))))
  })
})

describe('the cases on real time', () => {
  // As a store on a server runs them: nothing moves its clock.
  const timed = streamStoreCases.filter(
    ({ rules, needs }) =>
      needs.length === 0 && rules.some((rule) => Number(rule.slice(3)) >= 38 && Number(rule.slice(3)) <= 47),
  )
  it.concurrent.each(timed)('$name', { timeout: 30_000 }, (storeCase) =>
    storeCase.run({ make: (options) => memory(options) }),
  )
})

function harness(fault: Fault): StreamStoreHarness {
  let now = Date.UTC(2026, 0, 1)
  return {
    make(options?: StreamStoreOptions) {
      const store = memory({ ...options, clock: () => now })
      return breaking(store, fault(store))
    },
    advance(milliseconds) {
      now += milliseconds
    },
    patience: PATIENCE,
  }
}

async function placeFirst(store: StreamStore, id: string, request: AppendRequest): Promise<AppendResult> {
  const tail = (await store.head(id))?.tail
  const isThere = tail?.position === (request.after?.position ?? tail?.position)
  return tail && !isThere ? { outcome: 'moved', offset: tail } : store.append(id, request)
}

async function trimmedNothing(store: StreamStore, id: string): Promise<TrimResult> {
  const info = await store.head(id)
  return info ? { outcome: 'trimmed', first: info.first } : { outcome: 'missing' }
}

function isStart(place: Place): boolean {
  return typeof place === 'object' && 'position' in place && place.position === 0
}

/** The store with some members replaced. */
function breaking(store: StreamStore, faults: Partial<StreamStore>): StreamStore {
  return {
    durability: store.durability,
    limits: store.limits,
    leases: store.leases,
    create: (id, config, signal) => store.create(id, config, signal),
    append: (id, request, signal) => store.append(id, request, signal),
    read: (id, after, options) => store.read(id, after, options),
    watch: (id, listener, signal) => store.watch(id, listener, signal),
    head: (id, signal, owner) => store.head(id, signal, owner),
    isRetired: (id, signal, owner) => store.isRetired(id, signal, owner),
    list: (options) => store.list(options),
    countOwned: (owner, most, signal) => store.countOwned(owner, most, signal),
    delete: (id, signal, incarnation) => store.delete(id, signal, incarnation),
    touch: (id, signal, incarnation) => store.touch(id, signal, incarnation),
    trim: (id, before, signal, incarnation) => store.trim(id, before, signal, incarnation),
    sweep: (signal) => store.sweep(signal),
    close: () => store.close(),
    ...faults,
  }
}

function appending(
  store: StreamStore,
  change: (request: AppendRequest) => AppendRequest,
): Partial<StreamStore> {
  return { append: (id, request, signal) => store.append(id, change(request), signal) }
}

function reading(
  store: StreamStore,
  change: (page: Extract<ReadResult, { outcome: 'page' }>) => ReadResult,
): Partial<StreamStore> {
  return {
    async read(id, after, options) {
      const result = await store.read(id, after, options)
      return result.outcome === 'page' ? change(result) : result
    },
  }
}

function watching(
  store: StreamStore,
  pass: (event: StreamEvent, tell: (event: StreamEvent) => void) => void,
): Partial<StreamStore> {
  return {
    watch: (id, listener, signal) =>
      store.watch(id, listener instanceof StreamInbox ? listener : (event) => pass(event, listener), signal),
  }
}

/** Watches with inboxes of its own, and lets `take` say what they give. */
function gathering(
  store: StreamStore,
  take: (inbox: StreamInbox) => StreamEvent | undefined,
  call = (inbox: StreamInbox): void => inbox.call(),
): Partial<StreamStore> {
  return {
    watch(id, listener, signal) {
      if (!(listener instanceof StreamInbox)) return store.watch(id, listener, signal)
      const inbox = new StreamInbox(() => call(listener))
      listener.open({ take: () => take(inbox) })
      return store.watch(id, inbox, signal)
    },
  }
}

/** Gives other JSON with the records. */
function giving(store: StreamStore, change: (json: string) => string): Partial<StreamStore> {
  return gathering(store, (inbox) => {
    const event = inbox.take()
    if (event?.type !== 'append') return event
    const { from, next, records, closed } = event
    return { type: 'append', from, next, records, closed, json: Buffer.from(change(records.join(','))) }
  })
}

/** Takes all, and keeps only that the stream is gone. */
function goneOrFirst(inbox: StreamInbox): StreamEvent | undefined {
  const first = inbox.take()
  let last = first
  for (let event = first; event; event = inbox.take()) last = event
  return last?.type === 'gone' ? last : first
}

function opened(event: StreamEvent | undefined): StreamEvent | undefined {
  if (event?.type !== 'append') return event
  const { from, next, records } = event
  return { type: 'append', from, next, records, closed: false }
}

function leasing(store: StreamStore, faults: Partial<LeaseStore>): Partial<StreamStore> {
  const { leases } = store
  return {
    leases: {
      acquire: (id, request, signal) => leases.acquire(id, request, signal),
      renew: (lease, signal) => leases.renew(lease, signal),
      handOver: (lease, signal) => leases.handOver(lease, signal),
      claim: (owed, request, signal) => leases.claim(owed, request, signal),
      settle: (lease, left, signal) => leases.settle(lease, left, signal),
      expired: (options) => leases.expired(options),
      ...faults,
    },
  }
}

async function free(store: StreamStore, id: string): Promise<void> {
  const held = await store.leases.acquire(id, { holder: 'thief', ttlMs: 1 })
  if (held.outcome === 'held' || held.outcome === 'acquired') await store.leases.handOver(held.lease)
}

function overtaking(store: StreamStore): Partial<StreamStore> {
  let appends = 0
  return {
    async append(id, request) {
      if (++appends % 3 === 0) for (let turn = 0; turn < 10; turn++) await Promise.resolve()
      return await store.append(id, request)
    },
  }
}

function exists<T extends { outcome: string }>(result: T): T {
  return result.outcome === 'conflict' ? { ...result, outcome: 'exists' } : result
}

function moved(offset: Offset, by: number): Offset {
  return { ...offset, position: Math.max(0, offset.position + by) }
}

function rewritten(record: StreamRecord): StreamRecord {
  return typeof record === 'string' && isJson(record) ? JSON.stringify(JSON.parse(record)) : record
}

function isJson(record: StreamRecord): boolean {
  try {
    return typeof record !== 'string' || JSON.parse(record) !== undefined
  } catch {
    return false
  }
}
