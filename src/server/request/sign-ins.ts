/**
 * What is open for whom in this process, so that it ends when its user signs out, and who they are is
 * asked again at an interval. Users are told apart by name: what `ownerOf` says of them.
 */
import type { User } from '../../consumers/scope.ts'
import { type OwnerOf, defaultOwnerOf, nameIn } from '../../endpoints/owner-of.ts'
import { Deadlines } from '../../time/deadlines.ts'
import type { RequestScope } from './request-scope.ts'

/** What asking again says: the same user, no user or another one, or that it cannot be asked. */
export type Renewal = 'same' | 'gone' | 'unknown'

/** A connection of a user who is signed in. */
export interface SignedIn {
  /** Its user signed out. Called once, and then it is forgotten. */
  signOut(): void
  /** The interval is over. Never rejects. */
  renew(): Promise<Renewal>
}

export interface SignInsOptions {
  readonly ownerOf?: OwnerOf | undefined
  /** Seconds between two times that a connection is asked to renew; 0 for never. */
  readonly interval: number
  /** Seconds that `authenticate` may take. */
  readonly patience: number
  /** Called whenever a connection is added. */
  readonly onAdd: () => void
}

/** Renewals under way: when a server comes up, thousands of connections come in a second. */
const CONCURRENCY = 32

export class SignIns {
  readonly #ownerOf: OwnerOf
  readonly #renewals: Deadlines | undefined
  readonly #patienceMs: number
  readonly #onAdd: () => void
  readonly #open = new Map<string, Set<SignedIn>>()
  /** When each of those who signed out just now did, the oldest first. */
  readonly #signedOut = new Map<string, number>()
  readonly #due: (() => Promise<void>)[] = []
  #renewing = 0

  constructor({ ownerOf = defaultOwnerOf, interval, patience, onAdd }: SignInsOptions) {
    this.#ownerOf = ownerOf
    this.#onAdd = onAdd
    this.#patienceMs = patience * 1000 + 1000
    if (interval > 0) this.#renewals = new Deadlines(interval)
  }

  /** Undefined for nobody, and for a user whom `ownerOf` does not know. */
  nameOf(user: User | undefined): string | undefined {
    if (user === undefined || user === null) return undefined
    return nameIn(this.#ownerOf(user))
  }

  /**
   * Keeps a connection until the returned function is called. One whose user signed out while
   * `authenticate` was asked is signed out at once.
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
      // Once: a moment in which nobody can be asked is not to close everything.
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
    // Whoever was asked about before that is in, or will be refused.
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
