/** Writes over HTTP while the server goes down. */
import { expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { HttpError } from '../../src/protocol/errors.ts'
import { durableStreams } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { InterposedStore } from '../runs/interposed-store.ts'

it('HS-31: what has come whole when the server goes down is written, and answered so', async () => {
  const store = memory()
  let goDown = new AbortController()
  const distant = new InterposedStore(store)
  // As with the store of another machine: the server may go down between the call and the write.
  distant.around = (method, call) => {
    if (method === 'create' || method === 'append') goDown.abort(new HttpError('draining'))
    return call()
  }
  const routes = [durableStreams('/', { store: distant.store, delivery: new Delivery({ store }) })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const send = async (method: string, body: string): Promise<number> => {
    goDown = new AbortController()
    const { signal } = goDown
    const headers = { 'content-type': 'application/json' }
    const request = new Request('http://testserver/s', { method, headers, body, signal })
    return (await application.fetch(request)).status
  }
  expect(await send('PUT', '[1]')).toBe(201)
  expect(await send('POST', '[2]')).toBe(204)
  expect(await store.read('s', 'start')).toMatchObject({ records: ['1', '2'] })
})
