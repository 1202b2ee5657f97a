/**
 * What HTTP handlers throw when nobody calls them any more: from a timer, an event, a promise that nobody
 * awaits. Node would end the process, and with it everybody's connections, for the mistake of one route. So
 * it is known of each call which request it came from, and such an error is logged with it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Scope, scopeForLog } from '../consumers/scope.ts'
import { FloodLog } from '../logging/flood-log.ts'
import type { Logger } from '../logging/logger.ts'

/** The request that a handler answers, and where its errors go. */
export interface HandlerOwner {
  readonly logger: Logger
  readonly scope: Scope
}

const owners = new AsyncLocalStorage<HandlerOwner>()
const floods = new WeakMap<Logger, FloodLog>()
let guards = 0

/** Calls a handler, and knows of what it throws later that it was this one. */
export function callHandler<T>(owner: HandlerOwner, handler: () => T): T {
  return owners.run(owner, handler)
}

/** Whether what is being thrown comes from a handler, so that it is logged and ends nothing. */
export function isThrownByHandler(): boolean {
  return guards > 0 && owners.getStore() !== undefined
}

/** Keeps the process from ending by errors of handlers, until the returned function is called. */
export function guardProcess(): () => void {
  if (guards++ === 0) process.on('uncaughtException', onUncaught)
  let isOver = false
  return () => {
    if (isOver) return
    isOver = true
    if (--guards === 0) process.off('uncaughtException', onUncaught)
  }
}

function onUncaught(error: unknown): void {
  const owner = owners.getStore()
  if (owner) return log(owner, error)
  if (process.listenerCount('uncaughtException') > 1) return
  // Nobody else listens: what would have happened without this listener.
  process.off('uncaughtException', onUncaught)
  process.nextTick(() => {
    throw error
  })
}

function log({ logger, scope }: HandlerOwner, error: unknown): void {
  const known = floods.get(logger)
  const flood = known ?? new FloodLog(logger)
  if (!known) floods.set(logger, flood)
  flood.error(
    { err: error, scope: scopeForLog(scope) },
    'an HTTP handler threw where nobody could catch it: the server goes on',
  )
}
