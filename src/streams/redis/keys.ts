/**
 * The keys of the store. The keys of one stream share a hash tag, and those of the lists another, so that a script
 * finds its keys on one server of a Cluster.
 */
export interface StreamKeys {
  readonly state: string
  readonly log: string
  readonly channel: string
}

export interface ListKeys {
  /** All streams, in the order of ids. */
  readonly ids: string
  /** `owner id`, with the owner percent-encoded, or empty without one. */
  readonly owners: string
  /** As in `owners`: open streams that were leased, and some that have been closed since. */
  readonly leased: string
  /** The owners, percent-encoded, of expiring streams: Redis may have removed everything else of one. */
  readonly whose: string
  /** Open streams. */
  readonly open: string
  /** Streams with a lease, by its earliest expiry. */
  readonly leases: string
  /** Streams with an expiry, by the earliest one. */
  readonly ends: string
  /** The latest time of a sweep, to detect a clock that went back. */
  readonly clock: string
}

export interface LatestKeys {
  /** The ids of streams on a list, by their last appends. */
  readonly order: string
  /** The incarnation of each, and its tail when it was moved. */
  readonly tails: string
  /** Ids of streams with appends in progress, each with a stamp, by when the append began. */
  readonly marks: string
}

/** An owner in a list, percent-encoded; empty for none. */
export function nameOf(owner: string | null | undefined): string {
  return owner === undefined || owner === null ? '' : encodeURIComponent(owner)
}

/** The name of an owner's list: the owner, percent-encoded, and the list's name. */
export function listOf({ owner, listed }: ListedAs): string | undefined {
  return listed === undefined ? undefined : `${nameOf(owner)} ${listed}`
}

interface ListedAs {
  readonly owner: string | undefined
  readonly listed: string | undefined
}

export class Keys {
  readonly lists: ListKeys
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
    const list = (name: string): string => `${prefix}:{lists}:${name}`
    this.lists = {
      ids: list('ids'),
      owners: list('owners'),
      leased: list('leased'),
      whose: list('whose'),
      open: list('open'),
      leases: list('leases'),
      ends: list('ends'),
      clock: list('clock'),
    }
  }

  /** The keys of a list, by its name with the owner's. */
  latest(list: string): LatestKeys {
    const key = (what: string): string => `${this.#prefix}:{lists}:${what}:${list}`
    return { order: key('latest'), tails: key('tails'), marks: key('marks') }
  }

  of(id: string): StreamKeys {
    const tag = this.#tagOf(id)
    return { state: `${tag}:state`, log: `${tag}:log`, channel: `${tag}:live` }
  }

  /** The key of a fork that is being copied; see forks.ts. */
  copyOf(id: string, token: string): string {
    return `${this.#tagOf(id)}:copy:${token}`
  }

  /** A brace in an id must not end the tag, and an id that begins with one must not leave it empty. */
  #tagOf(id: string): string {
    // Most ids need no escape, and every append asks.
    const name = /[{}%]/.test(id) ? id.replace(/[{}%]/g, encodeURIComponent) : id
    return `${this.#prefix}:stream:{${name}}`
  }
}
