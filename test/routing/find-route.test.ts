import { describe, expect, it } from 'vitest'
import { WebSocketConsumer, http, router, websocket } from '../../src/index.ts'
import { findRoute } from '../../src/routing/find-route.ts'
import type { Route } from '../../src/routing/route.ts'

class First extends WebSocketConsumer {}
class Second extends WebSocketConsumer {}
class Anything extends WebSocketConsumer<unknown> {}

const ok = (): Response => new Response()

/** What serves a WebSocket at a path, its parameters included. */
function find(routes: readonly Route[], path: string): unknown {
  const found = findRoute(routes, 'websocket', path)
  return typeof found === 'object' ? { consumer: found.route.consumer, params: { ...found.params } } : found
}

describe('findRoute', () => {
  it('takes the first that matches, in the order they were written', () => {
    const routes = [websocket('/a/:x', First), websocket('/a/b', Second)]
    expect(find(routes, '/a/b')).toEqual({ consumer: First, params: { x: 'b' } })
    expect(find(routes.toReversed(), '/a/b')).toEqual({ consumer: Second, params: {} })
  })

  it('goes on to the next where a type does not fit', () => {
    const routes = [websocket('/:id{int}', First), websocket('/:name', Second)]
    expect(find(routes, '/7')).toEqual({ consumer: First, params: { id: 7 } })
    expect(find(routes, '/seven')).toEqual({ consumer: Second, params: { name: 'seven' } })
  })

  it('tells a path of the other kind from one that nobody serves', () => {
    const routes = [http('/page', ok), router('/api', [http('/items', ok)]), websocket('/ws', First)]
    expect(find(routes, '/page')).toBe('other')
    expect(find(routes, '/api/items')).toBe('other')
    expect(find(routes, '/api')).toBeUndefined()
    expect(find(routes, '/nowhere')).toBeUndefined()
    expect(findRoute(routes, 'http', '/ws')).toBe('other')
  })

  it('serves both kinds on one path', () => {
    const routes = [http('/both', ok), websocket('/both', First)]
    expect(find(routes, '/both')).toEqual({ consumer: First, params: {} })
    expect(findRoute(routes, 'http', '/both')).toMatchObject({ route: { kind: 'http' } })
  })
})

describe('nested routers', () => {
  const routes = [
    router('/teams/:team', [
      websocket('/', First),
      router('/rooms', [websocket('/:room{int}', Anything)]),
      websocket('/rooms/:room', Second),
    ]),
    websocket('/teams/:team/late', First),
  ]

  it('share their parameters', () => {
    expect(find(routes, '/teams/red/rooms/7/')).toEqual({
      consumer: Anything,
      params: { team: 'red', room: 7 },
    })
    expect(find(routes, '/teams/red')).toEqual({ consumer: First, params: { team: 'red' } })
  })

  it('pass on what none of their routes matches', () => {
    expect(find(routes, '/teams/red/rooms/lobby')).toEqual({
      consumer: Second,
      params: { team: 'red', room: 'lobby' },
    })
    expect(find(routes, '/teams/red/late')).toEqual({ consumer: First, params: { team: 'red' } })
    expect(find(routes, '/teams')).toBeUndefined()
  })

  it('let the inner one of two parameters with one name count', () => {
    expect(find([router('/:id', [websocket('/:id', Anything)])], '/outer/inner')).toMatchObject({
      params: { id: 'inner' },
    })
  })

  it('lead to no prototype by a parameter of any name', () => {
    const found = findRoute(
      [router('/:__proto__', [websocket('/:constructor', Anything)])],
      'websocket',
      '/a/b',
    )
    const params = typeof found === 'object' ? found.params : {}
    expect(Object.getPrototypeOf(params)).toBeNull()
    expect(Object.entries(params)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
  })

  it('take no rest of the path', () => {
    expect(() => router('/files/*path', [])).toThrow(
      /router\(\/files\/\*path\): a prefix cannot take the rest/,
    )
  })
})

describe('guards', () => {
  const outer = (): string => 'outer'
  const inner = (): string => 'inner'
  const guardsAt = (routes: readonly Route[], path: string): unknown => {
    const found = findRoute(routes, 'websocket', path)
    return typeof found === 'object' ? found.guards : found
  }

  it('of the innermost win, one by one', () => {
    const routes = [
      router(
        '/a',
        [
          websocket('/own', First, { authenticate: inner }),
          websocket('/', First),
          websocket('/open', First, { authenticate: false }),
        ],
        {
          authenticate: outer,
          origins: ['https://a.example'],
        },
      ),
      websocket('/bare', First),
    ]
    expect(guardsAt(routes, '/a/own')).toEqual({ authenticate: inner, origins: ['https://a.example'] })
    expect(guardsAt(routes, '/a')).toEqual({ authenticate: outer, origins: ['https://a.example'] })
    expect(guardsAt(routes, '/a/open')).toEqual({ authenticate: false, origins: ['https://a.example'] })
    expect(guardsAt(routes, '/bare')).toEqual({})
  })

  it.each([
    'a.example',
    '*',
    'https://',
    'https://a.example/path',
    'https://*',
    'https://a b',
    'null',
    'https://*.a.example?',
  ])('name origins; %s is not one', (origin) => {
    expect(() => websocket('/ws', First, { origins: [origin] })).toThrow(
      `websocket(/ws): "${origin}" is not an origin`,
    )
    expect(() => router('/r', [], { origins: [origin] })).toThrow(`router(/r): "${origin}" is not an origin`)
  })

  it.each([
    'https://a.example',
    'http://localhost:5173',
    'https://*.a.example',
    'https://a.example/',
    'capacitor://localhost',
    'http://[::1]:3000',
  ])('name origins; %s is one', (origin) => {
    expect(websocket('/ws', First, { origins: [origin] })).toMatchObject({ origins: [origin] })
  })
})

it('routes are refused where they are written', () => {
  expect(() => websocket('/:a/:a', Anything)).toThrow(TypeError)
  expect(() => websocket('/', undefined as never)).toThrow('websocket(/): the consumer is not a class')
  expect(() => http('/', 'hello' as never)).toThrow('http(/): give a handler')
})
