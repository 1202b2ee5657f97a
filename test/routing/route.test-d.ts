/** Checked by the compiler: which routes fit together. */
import { JsonWebSocketConsumer, WebSocketConsumer, http, millrace, router, websocket } from 'millrace'
import type { Scope } from 'millrace'
import type { ParamsOf } from '../../src/routing/pattern.ts'

class Plain extends WebSocketConsumer {}
class Room extends JsonWebSocketConsumer<{ text: string }, unknown, { room: string }> {}
class Item extends WebSocketConsumer<{ team: string; id: number }> {}

/** Compiles when both are the same type. */
function same<A, B extends A>(_value: B): (value: A) => B {
  return (value) => value as B
}

declare const params: ParamsOf<'/a/:id{int}/:slug{slug}/*rest'>
same<{ readonly id: number; readonly slug: string; readonly rest: string }, typeof params>(params)
// @ts-expect-error the path has no such parameter
void params.other
declare const scope: Scope<{ room: string }>
// @ts-expect-error nor has the scope
void scope.params.other

millrace({ routes: [websocket('/', Plain), websocket('/:room/', Room), websocket('/:room/:more/', Room)] })

// Parameters may come from the routers around a route, however deep.
millrace({ routes: [router('/:team', [websocket('/:id{int}', Item), websocket('/', Plain)])] })
millrace({
  routes: [router('/:team', [router('/:id{int}', [websocket('/', Item), http('/x', () => new Response())])])],
})

// @ts-expect-error the path lacks the parameter `room`
millrace({ routes: [websocket('/rooms/', Room)] })

// @ts-expect-error `id` is a string here, and the consumer takes a number
millrace({ routes: [websocket('/:team/:id', Item)] })

// @ts-expect-error `id` is nowhere
millrace({ routes: [router('/:team', [websocket('/', Item)])] })

// @ts-expect-error two consumers need different things, and one is missing
millrace({ routes: [router('/:room', [websocket('/', Room), websocket('/:id{int}', Item)])] })

// @ts-expect-error not a consumer
websocket('/', Date)

http('/:id{int}', (_request, context) => {
  same<number, typeof context.params.id>(context.params.id)
  return new Response()
})
