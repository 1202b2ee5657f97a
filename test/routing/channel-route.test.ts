import { describe, expect, test } from 'vitest'
import { ChannelError } from '../../src/channels/errors.ts'
import { ChannelConsumer } from '../../src/consumers/channel-consumer.ts'
import { WebSocketConsumer } from '../../src/consumers/websocket-consumer.ts'
import { channel } from '../../src/routing/channel-route.ts'
import { findRoute } from '../../src/routing/find-route.ts'
import { http, router } from '../../src/routing/route.ts'
import { millrace } from '../../src/millrace.ts'

class Plain extends ChannelConsumer {}

describe('a route of a channel', () => {
  test('names a channel and its consumer', () => {
    expect(channel('thumbnails-make', Plain)).toEqual({
      kind: 'channel',
      channel: 'thumbnails-make',
      consumer: Plain,
    })
  })

  test('refuses what is no named channel, and no class', () => {
    expect(() => channel('two words', Plain)).toThrow(ChannelError)
    expect(() => channel('specific.1!2', Plain)).toThrow(
      new TypeError(
        'channel(specific.1!2): a channel with a ! is received by the process that made it, not by a worker',
      ),
    )
    class NotAConsumer {}
    for (const [consumer, shown] of [
      [NotAConsumer, 'NotAConsumer'],
      [WebSocketConsumer, 'WebSocketConsumer'],
      [{}, 'a object'],
      [undefined, 'a undefined'],
    ] as const) {
      expect(() => channel('a', consumer as never)).toThrow(
        new TypeError(`channel(a): ${shown} is not a class that extends ChannelConsumer`),
      )
    }
  })

  test('is passed over where a path is looked for', () => {
    const routes = [channel('a', Plain), http('/a', () => new Response())]
    expect(findRoute(routes, 'http', '/a')).toMatchObject({ route: routes[1] })
    expect(findRoute(routes, 'websocket', '/b')).toBeUndefined()
  })

  test('stands in no router', () => {
    expect(() => router('/x', [channel('a', Plain) as never])).toThrow(
      new TypeError('router(/x): a channel has no path; put channel(…) beside the router'),
    )
  })

  test('is of one consumer in an application', () => {
    expect(() => millrace({ routes: [channel('a', Plain), channel('a', Plain)] })).toThrow(
      new TypeError('channel(a) is routed twice'),
    )
  })
})
