/** Finds, among an application's routes, those of a path and those of channels. */
import type { ChannelConsumerClass } from '../consumers/channel-consumer.ts'
import type { Params } from '../consumers/scope.ts'
import { matchPattern, splitPath } from './pattern.ts'
import { type Guards, type HttpRoute, type Route, type WebSocketRoute, guardsOf } from './route.ts'

interface Routes {
  websocket: WebSocketRoute
  http: HttpRoute
}

/** A route that matched, with the parameters and guards of the routers around it. */
export interface FoundRoute<Kind extends keyof Routes> {
  readonly route: Routes[Kind]
  readonly params: Params
  /** Of each guard the innermost one. */
  readonly guards: Guards
}

/**
 * The first route of a kind that matches, in the order they are written. `'other'` means that only a route of
 * another kind matches.
 */
export function findRoute<Kind extends keyof Routes>(
  routes: readonly Route[],
  kind: Kind,
  path: string,
): FoundRoute<Kind> | 'other' | undefined {
  return search(routes, kind, splitPath(path), {}, {})
}

function search<Kind extends keyof Routes>(
  routes: readonly Route[],
  kind: Kind,
  path: readonly string[],
  outerParams: Params,
  outerGuards: Guards,
): FoundRoute<Kind> | 'other' | undefined {
  let other = false
  for (const route of routes) {
    if (route.kind === 'channel') continue
    const match = matchPattern(route.pattern, path, route.kind === 'router')
    if (!match) continue
    const params = Object.assign(Object.create(null) as object, outerParams, match.params) as Params
    const guards = { ...outerGuards, ...guardsOf(route) }
    if (route.kind === kind) return { route: route as Routes[Kind], params, guards }
    if (route.kind === 'router') {
      const inner = search(route.routes, kind, match.remaining, params, guards)
      if (typeof inner === 'object') return inner
      other ||= inner === 'other'
    } else other = true
  }
  return other ? 'other' : undefined
}

/** Whether a route, or a router around it, has an `authenticate`. */
export function someRouteAsks(routes: readonly Route[]): boolean {
  return routes.some(
    (route) =>
      route.kind !== 'channel' &&
      (route.authenticate || (route.kind === 'router' && someRouteAsks(route.routes))),
  )
}

/**
 * The consumers of an application's channels, by name.
 *
 * @throws {TypeError} for a channel that two routes name.
 */
export function channelConsumers(routes: readonly Route[]): ReadonlyMap<string, ChannelConsumerClass> {
  const consumers = new Map<string, ChannelConsumerClass>()
  for (const route of routes) {
    if (route.kind !== 'channel') continue
    if (consumers.has(route.channel)) throw new TypeError(`channel(${route.channel}) is routed twice`)
    consumers.set(route.channel, route.consumer)
  }
  return consumers
}
