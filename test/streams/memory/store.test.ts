import { describe, expect, it } from 'vitest'
import { created } from '../created.ts'
import { StreamInbox } from '../../../src/streams/watching.ts'
import { memory } from '../../../src/streams/memory/store.ts'
import type { CreateResult } from '../../../src/streams/store.ts'
import type { StreamEvent } from '../../../src/streams/watching.ts'
import { reasonToSkipStoreCase, streamStoreCases } from '../../../src/conformance/stream-store-cases.ts'
import { memoryHarness } from '../harnesses.ts'

describe('the cases of every stream store', () => {
  for (const storeCase of streamStoreCases) {
    const title = `${storeCase.rules.join(', ')}: ${storeCase.name}`
    const reason = reasonToSkipStoreCase(storeCase, memoryHarness())
    it(title, async (context) => {
      context.skip(reason !== undefined, reason)
      await storeCase.run(memoryHarness())
    })
  }
})

describe('who is called back in the middle of a call', () => {
  it('appends to a stream whose listeners are told in order all the same', async () => {
    const store = memory()
    await store.create('stream')
    const told: StreamEvent[] = []
    let calls = 0
    await store.watch(
      'stream',
      new StreamInbox(() => void (++calls && store.append('stream', { records: ['2'] }))),
    )
    await store.watch('stream', (event) => void told.push(event))
    await store.append('stream', { records: ['1'] })
    expect(told).toMatchObject([
      { from: { position: 0 }, next: { position: 1 }, records: ['1'] },
      { from: { position: 1 }, next: { position: 2 }, records: ['2'] },
    ])
    expect(calls).toBe(1)
  })

  it('finds the stream that was created in place of one whose time was over', async () => {
    let now = 0
    const store = memory({ clock: () => now })
    await store.create('stream', { ttlMs: 10, records: ['1'] })
    const again: Promise<CreateResult>[] = []
    const create = (): void => void again.push(store.create('stream'))
    await store.watch('stream', create)
    await store.watch('stream', new StreamInbox(create))
    now = 10
    const info = await created(store, 'stream')
    for (const other of await Promise.all(again)) expect(other).toMatchObject({ outcome: 'exists', info })
    expect((await store.head('stream'))?.tail).toEqual(info.tail)
  })

  it('creates anew what was deleted, and watches it without hearing of the earlier one', async () => {
    const store = memory()
    await store.create('stream')
    const told: StreamEvent[] = []
    const begun = Promise.withResolvers<unknown>()
    const inbox = new StreamInbox(() => {
      const created = store.create('stream')
      const watching = store.watch('stream', (event) => void told.push(event))
      begun.resolve(Promise.all([created, watching]))
    })
    await store.watch('stream', () => {})
    await store.watch('stream', inbox)
    await store.delete('stream')
    await begun.promise
    await store.append('stream', { records: ['1'] })
    expect(told).toMatchObject([{ type: 'append', records: ['1'] }])
  })

  it('deletes the stream that it is told of: inboxes are not called for nothing', async () => {
    const store = memory()
    await store.create('stream')
    const events: StreamEvent[] = []
    let calls = 0
    const inbox = new StreamInbox(() => {
      calls++
      for (let event = inbox.take(); event; event = inbox.take()) events.push(event)
    })
    await store.watch('stream', inbox)
    await store.watch('stream', (event) => void (event.type === 'append' && store.delete('stream')))
    await store.append('stream', { records: ['1'] })
    expect(events).toMatchObject([{ records: ['1'] }, { type: 'gone', reason: 'deleted' }])
    expect(calls).toBe(1)
  })
})

it('gives an inbox what it did not take of a stream that is gone, when others have its memory', async () => {
  const store = memory()
  const records = Array.from({ length: 100 }, (_, n) => `"${'a'.repeat(100)}${n}"`)
  for (const contentType of ['application/json', 'text/plain']) {
    const given =
      contentType === 'text/plain' ? records.map((text) => new TextEncoder().encode(text)) : records
    await store.create('stream', { contentType })
    const inbox = new StreamInbox(() => {})
    await store.watch('stream', inbox)
    await store.append('stream', { records: given, close: true })
    await store.delete('stream')
    await store.create('stream', { contentType })
    await store.append('stream', {
      records: given.map((record) => (record === given[0] ? record : given[1])) as string[],
    })
    const events: StreamEvent[] = []
    for (let event = inbox.take(); event; event = inbox.take()) events.push(event)
    expect(events.pop()).toEqual({ type: 'gone', reason: 'deleted' })
    expect(events.flatMap((event) => (event.type === 'append' ? event.records : []))).toEqual(given)
    expect(events.map((event) => event.type === 'append' && event.closed)).toEqual([
      ...Array.from({ length: events.length - 1 }, () => false),
      true,
    ])
    await store.delete('stream')
  }
})
