/** What clients may create and write of the Durable Streams protocol, and what a stranger tries, on a real server. */
import { describe, expect, it } from 'vitest'
import { durableStreams, memory, streaming } from '../../src/index.ts'
import type { RawClient } from '../support/raw-client.ts'
import {
  type DurableServer,
  type Headers,
  JSON_TYPE,
  ann,
  bob,
  byHeader,
  durableServer,
  told,
} from './durable-server.ts'

const known = { authenticate: byHeader }

const put = async (server: DurableServer, path: string, headers: Headers, body?: string): Promise<string> =>
  await told(await server.ask('PUT', path, headers, body))

describe('creation', () => {
  it('HS-44: can be turned off: what is there is read and written all the same', async () => {
    const server = await durableServer({ ...known, creation: false, authorize: () => true })
    await server.store.create('s', { owner: 'ann' })
    for (const path of ['new', 's', '%40run'])
      expect(await put(server, path, ann)).toBe('403 creation_refused')
    const fork = { ...ann, 'stream-forked-from': '/v1/stream/s' }
    expect(await put(server, 'fork', fork)).toBe('403 creation_refused')
    expect(await told(await server.ask('POST', 's', { ...ann, ...JSON_TYPE }, '[1]'))).toBe('204')
    expect(await (await server.ask('GET', 's', ann)).json()).toEqual([1])
    expect(await told(await server.ask('DELETE', 's', ann))).toBe('204')
  })

  it('HS-44: owners do not meet where ids have a prefix, and forks are under it, too', async () => {
    const server = await durableServer({ ...known, idPrefix: (owner) => `of/${owner}/` })
    expect(await put(server, 'of/ann/s', ann)).toBe('201')
    expect(await put(server, 'of/ann/s', ann)).toBe('200')
    // Nothing tells bob whether ann has one.
    const answers = await Promise.all(
      ['of/ann/s', 'of/ann/none'].map((path) => server.ask('PUT', path, bob).then((answer) => answer.text())),
    )
    expect(answers[0]).toBe(answers[1])
    expect(JSON.parse(answers[0] as string)).toEqual({
      error: { code: 'stream_name_not_yours', message: 'The ids of your streams begin with "of/bob/".' },
    })
    for (const path of ['s', 'of/bob/', 'of/bob', 'of/bobby/s', 'OF/bob/s', 'of/bob%2fs/../../ann/s'])
      expect(await put(server, path, bob)).toBe('403 stream_name_not_yours')
    expect(await put(server, 'of%2Fbob%2Fs', bob)).toBe('201')
    const fork = { ...ann, 'stream-forked-from': '/v1/stream/of/ann/s' }
    expect(await put(server, 'fork', fork)).toBe('403 stream_name_not_yours')
    expect(await put(server, 'of/ann/fork', fork)).toBe('201')
  })

  it('HS-44: who has no owner has no prefix, and one that is none creates nothing', async () => {
    const nobody = await durableServer({ idPrefix: (owner) => `${owner}/` })
    expect(await put(nobody, 's', {})).toBe('403 creation_refused')
    expect(await put(nobody, 'undefined/s', {})).toBe('403 creation_refused')
    for (const prefix of ['', 'ann', '/ann x/', '@ann/', '../', '__ds/', undefined]) {
      const server = await durableServer({ ...known, idPrefix: () => prefix as string })
      expect([prefix, await put(server, 'ann/s', ann)]).toEqual([prefix, '500 internal_error'])
      expect(server.log.entries.filter(({ level }) => level === 'error')).toHaveLength(1)
      expect((await server.store.list()).streams).toEqual([])
    }
  })
})

describe('limits', () => {
  it('HS-45: an owner has as many streams as it may, and more when some are deleted', async () => {
    const server = await durableServer({ ...known, limits: { streamsPerOwner: 3 } })
    await server.store.create('run', { owner: 'ann', lease: { holder: 'h', ttlMs: 60_000 } })
    expect(await put(server, 'a', ann)).toBe('201')
    expect(await put(server, 'b', ann)).toBe('201')
    expect(await put(server, 'c', ann)).toBe('403 too_many_streams')
    expect(await put(server, 'fork', { ...ann, 'stream-forked-from': '/v1/stream/a' })).toBe(
      '403 too_many_streams',
    )
    // What is there is found all the same, and what is another's is so.
    expect(await put(server, 'a', ann)).toBe('200')
    expect(await put(server, 'c', bob)).toBe('201')
    await server.ask('DELETE', 'a', ann)
    expect(await put(server, 'd', ann)).toBe('201')
  })

  it('HS-45: requests at once do not slip through together', async () => {
    const server = await durableServer({ ...known, limits: { streamsPerOwner: 5 } })
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => put(server, `s${n}`, ann)))
    expect(answers.filter((answer) => answer === '201').length).toBeLessThanOrEqual(5)
    expect((await server.store.list({ owner: 'ann' })).streams.length).toBeLessThanOrEqual(5)
    expect(new Set(answers)).toEqual(new Set(['201', '403 too_many_streams']))
  })

  it('HS-45: creations in a loop are slowed down, for each owner and each address alone', async () => {
    const limits = { creationsPerOwner: 2, creationsPerAddress: 1 }
    const server = await durableServer({ ...known, limits })
    expect([await put(server, '1', ann), await put(server, '1', ann)]).toEqual(['201', '200'])
    const refused = await server.ask('PUT', '2', ann, 'x'.repeat(17 * 1024 * 1024))
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(await told(refused)).toBe('429 too_many_creations')
    expect(await put(server, '2', bob)).toBe('201')
    const open = await durableServer({ allowAnonymous: true, limits }, { trustProxy: true })
    const from = (address: string): Headers => ({ 'x-forwarded-for': address })
    expect(await put(open, '1', from('2001:db8::1'))).toBe('201')
    expect(await put(open, '2', from('2001:db8::2'))).toBe('429 too_many_creations')
    expect(await put(open, '2', from('203.0.113.7'))).toBe('201')
  })

  it('HS-45: bytes are counted, in creations and appends together, before they are read where that can be', async () => {
    const server = await durableServer({ ...known, limits: { bytesPerOwner: 1000 } })
    const body = 'x'.repeat(900)
    const text = { 'content-type': 'text/plain' }
    const post = (user: Headers): Promise<Response> => server.ask('POST', 's', { ...user, ...text }, body)
    expect(await put(server, 's', { ...ann, ...text }, body)).toBe('201')
    expect(await told(await post(ann))).toBe('204')
    const refused = await post(ann)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(40)
    expect(await told(refused)).toBe('429 too_many_bytes')
    expect(await put(server, 't', { ...ann, ...text }, body)).toBe('429 too_many_bytes')
    expect((await server.store.head('s'))?.tail.position).toBe(2)
    // Reading costs nothing of it, nor do others.
    expect(await told(await server.ask('GET', 's', ann))).toBe('200')
    expect(await put(server, 't', { ...bob, ...text }, body)).toBe('201')
  })

  it('HS-45: a limit that is none is refused by name', () => {
    const { services } = streaming({ store: memory() })
    for (const limits of [
      { streamsPerOwner: 0 },
      { bytesPerOwner: 1.5 },
      { streams: 1 },
      { creationsPerOwner: Number.NaN },
    ])
      expect(() => durableStreams('/v1', { ...services, limits })).toThrow(Object.keys(limits)[0])
  })
})

describe('what a stranger sends', () => {
  /** Asks as no client would: nothing of the path is put right. */
  async function raw(server: DurableServer, line: string, headers: Headers = {}, body = ''): Promise<number> {
    await using client = await server.raw()
    client.request(line, { 'content-length': String(body.length), connection: 'close', ...headers }, body)
    return (await client.response()).status
  }

  it('HS-29: ids that are none, are not for clients, or that no URL names, create nothing', async () => {
    const server = await durableServer()
    for (const id of [
      '',
      'a%20b',
      'a%C3%BC',
      'x'.repeat(513),
      '%40run/x',
      '@input/x',
      '__ds',
      '__ds/x',
      '..',
      'a/../b',
      'a/%2E%2e/b',
      './a',
      'a/.',
    ])
      expect([id, await raw(server, `PUT /v1/stream/${id}`)]).toEqual([id, 400])
    // What is not the encoding of a text, or of one with a control character, is no path of any route.
    for (const id of ['a%zz', '%ff', 'a%00b'])
      expect([id, await raw(server, `PUT /v1/stream/${id}`)]).toEqual([id, 404])
    expect((await server.store.list()).streams).toEqual([])
    for (const id of ['x'.repeat(512), 'a%2Fb', 'a//b', '...', 'a..b', '%25', "a'b%3F"])
      expect([id, await raw(server, `PUT /v1/stream/${id}`)]).toEqual([id, 201])
    expect(await server.store.head('a/b')).toBeDefined()
  })

  it('HS-30, HS-36: headers that are none are refused, and change nothing', async () => {
    const server = await durableServer()
    await server.store.create('s', {})
    for (const headers of [
      { 'stream-ttl': '9007199254740992' },
      { 'stream-ttl': '9999999999999' },
      { 'stream-expires-at': '+275760-09-13T00:00:00Z' },
      { 'stream-expires-at': '2030-02-30T00:00:00Z' },
      { 'content-type': 'x' },
      { 'content-type': `text/${'x'.repeat(300)}` },
    ] as Headers[])
      expect([headers, await raw(server, 'PUT /v1/stream/new', headers)]).toEqual([headers, 400])
    const producer = (id: string, epoch = '0', seq = '0'): Headers => ({
      ...JSON_TYPE,
      'producer-id': id,
      'producer-epoch': epoch,
      'producer-seq': seq,
    })
    for (const headers of [
      producer('\xff\xfe'),
      producer('a b'),
      producer(''),
      producer('x'.repeat(256)),
      producer('@lease'),
      producer('p', '9007199254740992'),
      producer('p', '0', '-1'),
      producer('p', '0', '0x1'),
      { ...JSON_TYPE, 'stream-seq': '\x80' },
      { ...JSON_TYPE, 'stream-seq': 'x'.repeat(256) },
    ])
      expect([headers, await raw(server, 'POST /v1/stream/s', headers, '[1]')]).toEqual([headers, 400])
    expect(
      await raw(server, 'POST /v1/stream/s', { ...JSON_TYPE, 'stream-seq': 'x'.repeat(17_000) }, '[1]'),
    ).toBe(431)
    expect((await server.store.head('s'))?.tail.position).toBe(0)
    expect(await server.store.head('new')).toBeUndefined()
  })

  it('HS-30: what expires in the past is over at once', async () => {
    const server = await durableServer()
    const past = { 'stream-expires-at': '2001-01-01T00:00:00Z' }
    expect(await raw(server, 'PUT /v1/stream/s', past)).toBe(201)
    expect(await raw(server, 'GET /v1/stream/s')).toBe(404)
  })

  it('HS-33: a body that trickles holds up nobody, and ends with its connection', async () => {
    const server = await durableServer()
    const slow: RawClient[] = []
    for (let n = 0; n < 20; n++) {
      const client = await server.raw()
      client.request('PUT /v1/stream/slow', { 'content-length': '100000' }, 'x')
      slow.push(client)
    }
    expect(await raw(server, 'PUT /v1/stream/fast', {}, 'x')).toBe(201)
    await Promise.all(slow.map((client) => client[Symbol.asyncDispose]()))
    expect(await raw(server, 'PUT /v1/stream/after', {}, 'x')).toBe(201)
    expect(await server.store.head('slow')).toBeUndefined()
  })
})
