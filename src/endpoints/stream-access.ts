/**
 * Whose streams may be touched. Every verb of every endpoint asks here first. A stream of somebody
 * else and one that does not exist are the same: not there.
 */
import type { User } from '../consumers/scope.ts'
import { type Logger, libraryLogger } from '../logging/logger.ts'
import { HttpError } from '../protocol/errors.ts'
import { isStreamId } from '../protocol/stream-frames.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StreamInfo } from '../streams/stream.ts'
import { FollowedStreams } from './followed-streams.ts'
import { type OwnerOf, defaultOwnerOf, nameIn } from './owner-of.ts'

/** Begins the ids of Millrace's own streams, which no endpoint serves. */
const RESERVED = '@'

/** No URL names it: clients take such a part out of the path before they send it. */
const DOTS = /(?:^|\/)\.\.?(?:\/|$)/

/** What the Durable Streams protocol keeps for control. */
const CONTROL = /^__ds(?:\/|$)/

export interface StreamAccessOptions {
  readonly store: Pick<StreamStore, 'head' | 'isRetired' | 'touch'>
  readonly ownerOf?: OwnerOf
  /** Hears of users whom `ownerOf` does not know. Default: as for a store. */
  readonly logger?: Logger
}

export class StreamAccess {
  readonly #store: Pick<StreamStore, 'head' | 'isRetired' | 'touch'>
  readonly #ownerOf: OwnerOf
  readonly #logger: Logger
  readonly #followed: FollowedStreams
  #hasComplained = false

  constructor({ store, ownerOf = defaultOwnerOf, logger = libraryLogger() }: StreamAccessOptions) {
    this.#store = store
    this.#ownerOf = ownerOf
    this.#logger = logger
    this.#followed = new FollowedStreams(store)
  }

  /**
   * The owner of what a user starts; undefined without authentication alone.
   *
   * @throws {HttpError} `forbidden`, for a user whom `ownerOf` does not know. That is not nobody: what
   * such a user starts would have no owner, and be everybody's.
   */
  ownerOf(user: User | undefined): string | undefined {
    if (user === undefined || user === null) return undefined
    const said: unknown = this.#ownerOf(user)
    const owner = nameIn(said)
    if (owner !== undefined) return owner
    this.#complain(said)
    throw new HttpError('forbidden', 'You are signed in as a user who can have no streams here.')
  }

  /**
   * A stream, if this user may touch it: its owner, or anybody without authentication when it has no
   * owner. Rejects as the store does, and as `ownerOf` throws.
   */
  async find(id: string, user: User | undefined, signal?: AbortSignal): Promise<StreamInfo | undefined> {
    const owner = this.ownerOf(user)
    const info = await this.look(id, signal, owner ?? null)
    return info && info.owner === owner ? info : undefined
  }

  /** A stream whoever's it is, or of one owner, null for nobody; Millrace's own are none. For whoever decides that. */
  async look(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined> {
    return id.startsWith(RESERVED) ? undefined : await this.#store.head(id, signal, owner)
  }

  /** Whether this id was that of a stream of this user's which is gone, and which forks keep it from others. */
  async isRetired(id: string, user: User | undefined, signal?: AbortSignal): Promise<boolean> {
    return this.mayExist(id) && (await this.#store.isRetired(id, signal, this.ownerOf(user) ?? null))
  }

  /**
   * Whether a client may create a stream of this name: Millrace's own, and those of the protocol, are others', and
   * no client reaches one with `.` or `..` in its path.
   */
  mayExist(id: string): boolean {
    return isStreamId(id) && !id.startsWith(RESERVED) && !CONTROL.test(id) && !DOTS.test(id)
  }

  /** Whether this user may touch this stream. Throws as `ownerOf` does. */
  allows({ id, owner }: Pick<StreamInfo, 'id' | 'owner'>, user: User | undefined): boolean {
    return owner === this.ownerOf(user) && !id.startsWith(RESERVED)
  }

  /** Reading is a sign of life: a stream with a sliding expiry lives on. Never rejects. */
  async touch(info: StreamInfo, logger: Logger): Promise<void> {
    if (info.ttlMs !== undefined) await this.#followed.touch(info, logger)
  }

  /** Following, too: the stream does not expire by its TTL until the returned function is called. */
  follow(info: StreamInfo, logger: Logger): () => void {
    return this.#followed.add(info, logger)
  }

  /** Once: each of their requests is refused, and the log would be full of it. */
  #complain(owner: unknown): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    const got =
      owner === undefined ? 'nothing' : typeof owner === 'string' ? textOf(owner) : `a ${typeof owner}`
    this.#logger.error(
      {},
      `users are refused, as ownerOf says ${got} for what authenticate returned: have authenticate return a ` +
        'text, a number or an object with such an id, or pass ownerOf: (user) => the text that names its owner',
    )
  }
}

/** What is wrong with a text that names no owner. It may be a stranger's, so it is not shown. */
function textOf({ length }: string): string {
  if (length === 0) return 'an empty text'
  return length > 512 ? `a text of ${length} characters, where 512 are the most` : 'half a surrogate pair'
}
