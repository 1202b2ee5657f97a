/** HS-18: an id that somebody else takes while a stream of it is asked for. */
import { expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { durableStreams } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { InterposedStore } from '../runs/interposed-store.ts'

it('HS-18: what took the id of a stream since it was looked up is not read in its place', async () => {
  for (const query of ['', 'offset=now', 'offset=-1&live=long-poll', 'offset=now&live=long-poll']) {
    const store = memory()
    const hand = new InterposedStore(store)
    let isTaken = false
    hand.around = async (method, call) => {
      if (method === 'read' && !isTaken) {
        isTaken = true
        await store.delete('s')
        await store.create('s', { owner: 'b', records: ['"of b"'] })
      }
      return call()
    }
    const delivery = new Delivery({ store: hand.store })
    const routes = [durableStreams('/', { store: hand.store, delivery, authenticate: () => 'a' })]
    const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
    await store.create('s', { owner: 'a', records: ['"of a"'] })
    const answer = await application.fetch(new Request(`http://testserver/s?${query}`))
    expect([query, answer.status]).toEqual([query, 404])
    expect(await answer.text()).toContain('stream_not_found')
  }
})
