/**
 * Assigns late errors, which no caller can catch, to the connection whose consumer threw them, and ends it.
 */
import {
  type CallHandler,
  type HandlerOwner,
  callHandler,
  callsOf,
  currentHandler,
  logLate,
} from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { isConsequence } from './connection-end.ts'
import { type Scope, scopeForLog } from '../scope.ts'
import type { ConnectionClosedError } from '../transport.ts'

/** Calls after which the memory for a cheaper call is worth it. An idle connection makes two. */
const FEW_CALLS = 4

/** A connection that can be ended because its consumer failed. */
export interface Failing {
  fail(): void
}

export class ConsumerOwner implements HandlerOwner {
  readonly #name: string
  readonly #scope: Scope<never>
  readonly #logger: Logger
  #connection: Failing | undefined
  #closed: ConnectionClosedError | undefined
  #calls = 0
  #call: CallHandler | undefined

  constructor(name: string, scope: Scope<never>, logger: Logger, connection: Failing) {
    this.#name = name
    this.#scope = scope
    this.#logger = logger
    this.#connection = connection
  }

  /** Runs code of the consumer. An error that it throws later is assigned to this connection. */
  call<Argument, T>(handler: (argument: Argument) => T, argument: Argument): T {
    // Most group messages are received in code that runs under this owner already.
    if (currentHandler() === this) return handler(argument)
    if (this.#call) return this.#call(handler, argument)
    if (++this.#calls >= FEW_CALLS) this.#call = callsOf(this)
    return callHandler(this, handler, argument)
  }

  threwLate(error: unknown): void {
    if (this.#closed && isConsequence(error, this.#closed)) return
    const outcome = this.#closed ? 'its connection is over already' : 'its connection closes'
    const fields = { err: error, scope: scopeForLog(this.#scope) }
    logLate(this.#logger, { name: `the consumer ${this.#name}`, outcome }, fields)
    this.#connection?.fail()
  }

  /**
   * The connection is over. Drops the reference to it, because tasks of the consumer may keep this owner
   * forever.
   */
  release(closed: ConnectionClosedError): void {
    this.#closed = closed
    this.#connection = undefined
  }
}
