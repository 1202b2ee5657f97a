/** The rules of docs/http-streams.md about forks, through the application's `fetch`. */
import { expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { durableStreams } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'

type Headers = Record<string, string>
type Ask = (method: string, path: string, headers?: Headers, body?: string) => Promise<Response>

function setUp(authenticated = false): { readonly store: StreamStore; readonly ask: Ask } {
  const store = memory()
  const delivery = new Delivery({ store })
  const authenticate = (request: Request): unknown => request.headers.get('user')
  const guards = authenticated ? { authenticate: authenticate as never } : {}
  const routes = [durableStreams('/v1/stream', { store, delivery, ...guards })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const ask: Ask = (method, path, headers = {}, body) =>
    application.fetch(
      new Request(`http://testserver/v1/stream/${path}`, {
        method,
        headers,
        ...(body !== undefined && { body }),
      }),
    )
  return { store, ask }
}

const JSON_TYPE = { 'content-type': 'application/json' }

const from = (path: string, more: Headers = {}): Headers => ({
  'stream-forked-from': `/v1/stream/${path}`,
  ...more,
})

const code = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
]

it('HS-38: a fork begins with what its source had, and goes on with its own', async () => {
  const { ask } = setUp()
  await ask('PUT', 'a/b%2Bc', { ...JSON_TYPE, 'stream-ttl': '60' }, '[1]')
  const offset = (await ask('HEAD', 'a/b%2Bc')).headers.get('stream-next-offset') as string
  await ask('POST', 'a/b%2Bc', { ...JSON_TYPE, 'stream-closed': 'true' }, '[2,3]')
  const part = from('a/b%2Bc', { 'stream-fork-offset': offset, 'stream-fork-sub-offset': '1' })
  const created = await ask('PUT', 'fork', { ...part, ...JSON_TYPE }, '[4]')
  expect(Object.fromEntries(created.headers)).toMatchObject({
    'content-type': 'application/json',
    location: 'http://testserver/v1/stream/fork',
  })
  expect([created.status, created.headers.has('stream-closed')]).toEqual([201, false])
  expect((await ask('PUT', 'fork', part)).status).toBe(200)
  const other = { ...part, 'stream-fork-sub-offset': '2' }
  expect(await code(await ask('PUT', 'fork', other))).toEqual([409, 'stream_differs'])
  const head = await ask('HEAD', 'fork')
  expect([
    head.headers.get('stream-ttl'),
    [...head.headers.keys()].filter((name) => name.includes('fork')),
  ]).toEqual(['60', []])
  expect(await (await ask('GET', 'fork')).json()).toEqual([1, 2, 4])
  expect(await (await ask('GET', `fork?offset=${offset}`)).json()).toEqual([2, 4])
  // The other way to write its path.
  expect((await ask('PUT', 'whole', from('a%2Fb+c'))).status).toBe(201)
  expect(await (await ask('GET', 'whole')).json()).toEqual([1, 2, 3])
})

it('HS-39: what cannot be forked', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', JSON_TYPE, '[1]')
  const tail = (await ask('HEAD', 's')).headers.get('stream-next-offset') as string
  const past = tail.replace(/^\d{16}/, '0000000000000009')
  for (const [headers, answer] of [
    [from('none'), [404, 'source_not_found']],
    [{ 'stream-forked-from': '/streams/s' }, [404, 'source_not_found']],
    [{ 'stream-forked-from': 's' }, [404, 'source_not_found']],
    [from('%'), [404, 'source_not_found']],
    [from('s', { 'content-type': 'text/plain' }), [409, 'content_type_differs']],
    [from('s', { 'stream-fork-offset': past }), [400, 'fork_out_of_range']],
    [from('s', { 'stream-fork-offset': tail.replace('_', '_x') }), [400, 'fork_out_of_range']],
    [from('s', { 'stream-fork-offset': tail, 'stream-fork-sub-offset': '1' }), [400, 'fork_out_of_range']],
    [from('s', { 'stream-fork-offset': 'x' }), [400, 'invalid_offset']],
    [from('s', { 'stream-fork-sub-offset': '1' }), [400, 'bad_request']],
    [from('s', { 'stream-fork-offset': '-1', 'stream-fork-sub-offset': '01' }), [400, 'bad_request']],
    [{ 'stream-fork-sub-offset': '0' }, [400, 'bad_request']],
    [{ 'stream-fork-offset': '-1' }, [400, 'bad_request']],
  ] as const) {
    expect([headers, await code(await ask('PUT', 'fork', headers))]).toEqual([headers, answer])
  }
  expect((await ask('HEAD', 'fork')).status).toBe(404)
  const second = from('s', { 'stream-fork-offset': '-1', 'stream-fork-sub-offset': '1' })
  expect((await ask('PUT', 'fork', second)).status).toBe(201)
})

it('HS-18, HS-39: nobody forks what is not theirs', async () => {
  const { ask } = setUp(true)
  const [ann, bob] = [{ user: 'ann' }, { user: 'bob' }]
  await ask('PUT', 's', { ...ann, ...JSON_TYPE }, '[1]')
  expect(await code(await ask('PUT', 'fork', { ...bob, ...from('s') }))).toEqual([404, 'source_not_found'])
  expect((await ask('PUT', 'fork', { ...ann, ...from('s') })).status).toBe(201)
  // One who forked nothing of it has a fork of that name, and learns nothing by asking again.
  await ask('PUT', 'bobs', { ...bob, ...JSON_TYPE }, '[2]')
  await ask('PUT', 'bobs-fork', { ...bob, ...from('bobs') })
  expect(await code(await ask('PUT', 'bobs-fork', { ...bob, ...from('s') }))).toEqual([409, 'stream_differs'])
  await ask('DELETE', 's', ann)
  expect(await code(await ask('GET', 's', bob))).toEqual([404, 'stream_not_found'])
  expect(await code(await ask('PUT', 'more', { ...bob, ...from('s') }))).toEqual([404, 'source_not_found'])
})

it('HS-40: a stream that is gone keeps its name while there are forks of it', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', JSON_TYPE, '[1]')
  await ask('PUT', 'fork', from('s'))
  expect((await ask('DELETE', 's')).status).toBe(204)
  for (const [method, body] of [['GET'], ['POST', '2'], ['DELETE']] as const)
    expect(await code(await ask(method, 's', JSON_TYPE, body))).toEqual([410, 'stream_retired'])
  expect((await ask('HEAD', 's')).status).toBe(410)
  expect(await code(await ask('PUT', 's', JSON_TYPE))).toEqual([409, 'stream_differs'])
  expect(await code(await ask('PUT', 'second', from('s')))).toEqual([409, 'source_retired'])
  expect((await ask('PUT', 'fork', from('s'))).status).toBe(200)
  await ask('DELETE', 'fork')
  expect((await ask('PUT', 's', JSON_TYPE)).status).toBe(201)
})
