/**
 * The open connections of users in this process. They end when their user signs out, and are authenticated
 * again at an interval. Users are told apart by the name that `ownerOf` returns.
 */
import type { User } from '../../consumers/scope.ts'
import { type OwnerOf, defaultOwnerOf, nameIn } from '../../endpoints/owner-of.ts'
import { Deadlines } from '../../time/deadlines.ts'
import type { RequestScope } from './request-scope.ts'

/** The result of authenticating again: the same user, no or another user, or not known. */
export type Renewal = 'same' | 'gone' | 'unknown'

/** A connection of a signed-in user. */
export interface SignedIn {
  /** The user has signed out. Called once, as the last call. */
  signOut(): void
  /** Authenticates again, after the interval. Never rejects. */
  renew(): Promise<Renewal>
}

export interface SignInsOptions {
  readonly ownerOf?: OwnerOf | undefined
  /** Seconds between two calls of a connection's `renew`; 0 for never. */
  readonly interval: number
  /** Seconds that `authenticate` may take. */
  readonly patience: number
  /** Called for each connection that is added. */
  readonly onAdd: () => void
}

/** Most renewals at one time. After a start, thousands of connections may be due in one second. */
const CONCURRENCY = 32

export class SignIns {
  readonly #ownerOf: OwnerOf
  readonly #renewals: Deadlines | undefined
  readonly #patienceMs: number
  readonly #onAdd: () => void
  readonly #open = new Map<string, Set<SignedIn>>()
  /** When users signed out, for a short time, the oldest first. */
  readonly #signedOut = new Map<string, number>()
  readonly #due: (() => Promise<void>)[] = []
  #renewing = 0

  constructor({ ownerOf = defaultOwnerOf, interval, patience, onAdd }: SignInsOptions) {
    this.#ownerOf = ownerOf
    this.#onAdd = onAdd
    this.#patienceMs = patience * 1000 + 1000
    if (interval > 0) this.#renewals = new Deadlines(interval)
  }

  /** The name of a user; undefined without a user, and for one that `ownerOf` does not know. */
  nameOf(user: User | undefined): string | undefined {
    if (user === undefined || user === null) return undefined
    return nameIn(this.#ownerOf(user))
  }

  /**
   * Keeps a connection until the returned function is called. When its user signed out during `authenticate`,
   * the connection is signed out at once.
   */
  add({ user, askedAt }: Pick<RequestScope, 'user' | 'askedAt'>, connection: SignedIn): () => void {
    this.#onAdd()
    const name = this.nameOf(user)
    const leave = name === undefined ? ignore : this.#keep(name, connection)
    let over = user === undefined
    let isUnknown = false
    const renew = async (): Promise<void> => {
      const renewal = over ? 'gone' : await connection.renew()
      if (over) return
      // At the second failure: a short outage must not close all connections.
      if (renewal === 'gone' || (renewal === 'unknown' && isUnknown)) return connection.signOut()
      isUnknown = renewal === 'unknown'
      this.#renewals?.add(due)
    }
    const due = (): void => this.#renew(renew)
    if (!over) this.#renewals?.add(due)
    if (name !== undefined && (this.#signedOut.get(name) ?? Number.NEGATIVE_INFINITY) >= askedAt) {
      leave()
      queueMicrotask(() => connection.signOut())
    }
    return () => {
      over = true
      this.#renewals?.delete(due)
      leave()
    }
  }

  signOut(name: string): void {
    const now = performance.now()
    // Calls of `authenticate` that began earlier have ended by now.
    for (const [old, at] of this.#signedOut) {
      if (at > now - this.#patienceMs) break
      this.#signedOut.delete(old)
    }
    this.#signedOut.delete(name)
    this.#signedOut.set(name, now)
    const connections = this.#open.get(name)
    this.#open.delete(name)
    for (const connection of connections ?? []) connection.signOut()
  }

  #keep(name: string, connection: SignedIn): () => void {
    const connections = this.#open.get(name) ?? new Set()
    this.#open.set(name, connections.add(connection))
    return () => {
      connections.delete(connection)
      if (connections.size === 0 && this.#open.get(name) === connections) this.#open.delete(name)
    }
  }

  #renew(task: () => Promise<void>): void {
    this.#due.push(task)
    if (this.#renewing < CONCURRENCY) void this.#work()
  }

  async #work(): Promise<void> {
    this.#renewing++
    for (let task = this.#due.shift(); task; task = this.#due.shift()) await task()
    this.#renewing--
  }
}

function ignore(): void {}
