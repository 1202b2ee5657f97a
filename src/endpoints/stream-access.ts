/**
 * Checks that a stream belongs to the user, for every operation of every endpoint. A stream of somebody else is
 * answered like one that does not exist.
 */
import type { User } from '../consumers/scope.ts'
import { type Logger, libraryLogger } from '../logging/logger.ts'
import { HttpError } from '../protocol/errors.ts'
import { isStreamId } from '../protocol/stream-frames.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StreamInfo } from '../streams/stream.ts'
import { FollowedStreams } from './followed-streams.ts'
import { type OwnerOf, defaultOwnerOf, nameIn } from './owner-of.ts'

/** Prefix of reserved ids, which no endpoint serves. */
const RESERVED = '@'

/** No URL can contain it: clients resolve such segments before they send a path. */
const DOTS = /(?:^|\/)\.\.?(?:\/|$)/

/** Reserved for control by the Durable Streams protocol. */
const CONTROL = /^__ds(?:\/|$)/

/**
 * What a name stands for at an endpoint that serves only some streams, or serves them under other names than their ids:
 * a stream of this owner, of any id. `stored` looks up the stream that has the name as its id; it finds no reserved one.
 */
export type LookUp = (
  name: string,
  owner: string | undefined,
  stored: () => Promise<StreamInfo | undefined>,
  signal?: AbortSignal,
) => Promise<StreamInfo | undefined>

export interface StreamAccessOptions {
  readonly store: Pick<StreamStore, 'head' | 'isRetired' | 'touch'>
  readonly ownerOf?: OwnerOf
  /** Logs users whom `ownerOf` does not know. Default: as for a store. */
  readonly logger?: Logger
  /** Default: every stream, by its id. */
  readonly lookUp?: LookUp | undefined
}

export class StreamAccess {
  readonly #store: Pick<StreamStore, 'head' | 'isRetired' | 'touch'>
  readonly #ownerOf: OwnerOf
  readonly #logger: Logger
  readonly #lookUp: LookUp
  readonly #followed: FollowedStreams
  #hasComplained = false

  constructor({
    store,
    ownerOf = defaultOwnerOf,
    logger = libraryLogger(),
    lookUp = (_name, _owner, stored) => stored(),
  }: StreamAccessOptions) {
    this.#store = store
    this.#ownerOf = ownerOf
    this.#logger = logger
    this.#lookUp = lookUp
    this.#followed = new FollowedStreams(store)
  }

  /**
   * The owner of what a user starts; undefined only without authentication.
   *
   * @throws {HttpError} `forbidden`, for a user whom `ownerOf` does not know. Otherwise what such a user starts would
   * have no owner, and anyone could use it.
   */
  ownerOf(user: User | undefined): string | undefined {
    if (user === undefined || user === null) return undefined
    const said: unknown = this.#ownerOf(user)
    const owner = nameIn(said)
    if (owner !== undefined) return owner
    this.#complain(said)
    throw new HttpError(
      'forbidden',
      'You are signed in as a user without an owner name, who cannot have streams here.',
    )
  }

  /**
   * A stream, if this user may use it: the owner, or, for a stream without an owner, anyone without authentication.
   * Rejects as the store does, and as `ownerOf` throws. Go on with the id of what is found, which may be another one.
   */
  async find(id: string, user: User | undefined, signal?: AbortSignal): Promise<StreamInfo | undefined> {
    const owner = this.ownerOf(user)
    const info = await this.#lookUp(id, owner, () => this.look(id, signal, owner ?? null), signal)
    return info && info.owner === owner ? info : undefined
  }

  /**
   * A stream of any owner, or of one owner (null for nobody). Reserved streams are not found. For callers that check
   * access themselves.
   */
  async look(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined> {
    return id.startsWith(RESERVED) ? undefined : await this.#store.head(id, signal, owner)
  }

  /** Whether the id belonged to a stream of this user that is gone, and is kept taken by forks. */
  async isRetired(id: string, user: User | undefined, signal?: AbortSignal): Promise<boolean> {
    return this.mayExist(id) && (await this.#store.isRetired(id, signal, this.ownerOf(user) ?? null))
  }

  /**
   * Whether a client may create a stream of this name. Reserved names are excluded, and names with `.` or `..`, which
   * no client could reach.
   */
  mayExist(id: string): boolean {
    return isStreamId(id) && !id.startsWith(RESERVED) && !CONTROL.test(id) && !DOTS.test(id)
  }

  /** Whether this user may use this stream. Throws as `ownerOf` does. */
  allows({ id, owner }: Pick<StreamInfo, 'id' | 'owner'>, user: User | undefined): boolean {
    return owner === this.ownerOf(user) && !id.startsWith(RESERVED)
  }

  /** Reading moves the expiry of a stream with a TTL. Never rejects. */
  async touch(info: StreamInfo, logger: Logger): Promise<void> {
    if (info.ttlMs !== undefined) await this.#followed.touch(info, logger)
  }

  /** A followed stream does not expire by its TTL until the returned function is called. */
  follow(info: StreamInfo, logger: Logger): () => void {
    return this.#followed.add(info, logger)
  }

  /** Logged once: every request of such users is refused, and would fill the log. */
  #complain(owner: unknown): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    const got =
      owner === undefined ? 'nothing' : typeof owner === 'string' ? textOf(owner) : `a ${typeof owner}`
    this.#logger.error(
      {},
      `users are refused, as ownerOf returned ${got} for the user of authenticate: have authenticate return a ` +
        'string, a number or an object with such an id, or pass an ownerOf that returns the name of the owner',
    )
  }
}

/** What is wrong with an owner name. The name itself may be secret, so it is not shown. */
function textOf({ length }: string): string {
  if (length === 0) return 'an empty text'
  return length > 512 ? `a text of ${length} characters, where 512 are the most` : 'half a surrogate pair'
}
