/**
 * What handlers throw when nobody calls them any more: from a timer, an event, a promise that nobody awaits.
 * Node would end the process, and with it everybody's connections, for the mistake of one handler. So it is
 * known of each call whose it was: an `AsyncLocalStorage` goes with whatever the handler starts, and its
 * owner is told of the error.
 *
 * What a handler makes lazily and everybody uses (a pool that the first request opens) carries that first
 * owner for as long as it lives: docs/consumers.md says what follows. An owner therefore holds little, and
 * lets go of the connection that it stands for when that is over.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { FloodLog } from './flood-log.ts'
import type { Logger } from './logger.ts'

/** Whose code runs: a route's, a connection's, a channel's. */
export interface HandlerOwner {
  /** Its code threw where nobody could catch it. Logs it, and ends what cannot go on. Must not throw. */
  threwLate(error: unknown): void
}

const owners = new AsyncLocalStorage<HandlerOwner>()
const floods = new WeakMap<Logger, FloodLog>()
let guards = 0

/** Calls a handler, and knows of what it throws later that it was this one. */
export function callHandler<Args extends unknown[], T>(
  owner: HandlerOwner,
  handler: (...args: Args) => T,
  ...args: Args
): T {
  return owners.run(owner, handler, ...args)
}

/** `callHandler` for one owner whose handlers are called often: it costs less than half, and 400 bytes. */
export type CallHandler = <Args extends unknown[], T>(handler: (...args: Args) => T, ...args: Args) => T

export function callsOf(owner: HandlerOwner): CallHandler {
  return owners.run(owner, () => AsyncLocalStorage.snapshot())
}

/** Whose code runs now; undefined outside of handlers. */
export function currentHandler(): HandlerOwner | undefined {
  return owners.getStore()
}

/** Whether what is being thrown comes from a handler, so that it is logged and ends nothing. */
export function isThrownByHandler(): boolean {
  return guards > 0 && owners.getStore() !== undefined
}

/** Tells the handler of a promise that was rejected and not handled; false when it is no handler's. */
export function blameHandler(reason: unknown): boolean {
  if (!isThrownByHandler()) return false
  owners.getStore()?.threwLate(reason)
  return true
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

/** An owner of whose errors nothing follows: they are logged with `fields`. As for `logLate`. */
export function loggingOwner(
  logger: Logger,
  words: { readonly name: string; readonly outcome: string },
  fields: object,
): HandlerOwner {
  return { threwLate: (err) => logLate(logger, words, { err, ...fields }) }
}

/**
 * Logs an error that a handler threw late, many of one kind as a count. `name` says whose it was and
 * `outcome` what becomes of it; a logger sees few of either.
 */
export function logLate(
  logger: Logger,
  { name, outcome }: { readonly name: string; readonly outcome: string },
  fields: object,
): void {
  const known = floods.get(logger)
  const flood = known ?? new FloodLog(logger)
  if (!known) floods.set(logger, flood)
  flood.error(fields, `${name} threw where nobody could catch it: ${outcome}`)
}

function onUncaught(error: unknown): void {
  const owner = owners.getStore()
  if (owner) return owner.threwLate(error)
  if (process.listenerCount('uncaughtException') > 1) return
  // Nobody else listens: what would have happened without this listener.
  process.off('uncaughtException', onUncaught)
  process.nextTick(() => {
    throw error
  })
}
