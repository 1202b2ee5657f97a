/**
 * The keys of the store. Those of one stream share a hash tag, those of the lists another, so that a
 * script finds all it needs on one server of a Cluster.
 */
export interface StreamKeys {
  readonly state: string
  readonly log: string
  readonly channel: string
}

export interface ListKeys {
  /** Every stream: ids in their order. */
  readonly ids: string
  /** `owner id`, the owner percent-encoded, and nothing where there is none. */
  readonly owners: string
  /** As in `owners`: open streams that were leased, and some that are closed by now. */
  readonly leased: string
  /** The owners, percent-encoded, of the streams that end: Redis may have removed all else of one. */
  readonly whose: string
  /** Streams that are open. */
  readonly open: string
  /** Streams with a lease, by when it ends at the earliest. */
  readonly leases: string
  /** Streams with an end, by when it comes at the earliest. */
  readonly ends: string
  /** The latest time anybody swept, to tell when the clock went back. */
  readonly clock: string
}

export interface LatestKeys {
  /** The ids of streams on a list, by when they were appended to last. */
  readonly order: string
  /** Of each its incarnation, and its tail when it was moved. */
  readonly tails: string
  /** Ids of streams that are being appended to, each with a stamp, by when that began. */
  readonly marks: string
}

/** An owner in a list, percent-encoded; nothing for none. */
export function nameOf(owner: string | null | undefined): string {
  return owner === undefined || owner === null ? '' : encodeURIComponent(owner)
}

/** What the list of an owner is called: the owner, percent-encoded, and its name. */
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

  /** Of a list that has this name, with its owner's. */
  latest(list: string): LatestKeys {
    const key = (what: string): string => `${this.#prefix}:{lists}:${what}:${list}`
    return { order: key('latest'), tails: key('tails'), marks: key('marks') }
  }

  of(id: string): StreamKeys {
    const tag = this.#tagOf(id)
    return { state: `${tag}:state`, log: `${tag}:log`, channel: `${tag}:live` }
  }

  /** Of a fork that is being made; see forks.ts. */
  copyOf(id: string, token: string): string {
    return `${this.#tagOf(id)}:copy:${token}`
  }

  /** A brace in an id must not end the tag, nor an id that begins with one leave it empty. */
  #tagOf(id: string): string {
    // Most need none, and are asked for with each append.
    const name = /[{}%]/.test(id) ? id.replace(/[{}%]/g, encodeURIComponent) : id
    return `${this.#prefix}:stream:{${name}}`
  }
}
