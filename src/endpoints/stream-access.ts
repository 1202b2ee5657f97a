/**
 * Whose streams may be touched. Every verb of every endpoint asks here first. A stream of somebody
 * else and one that does not exist are the same: not there.
 */
import type { User } from '../consumers/scope.ts'
import type { Logger } from '../logging/logger.ts'
import type { StreamInfo, StreamStore } from '../streams/store.ts'
import { FollowedStreams } from './followed-streams.ts'

/** Says who a user is, in the terms of stream owners. Undefined for nobody: such a user owns nothing. */
export type OwnerOf = (user: User & {}) => string | undefined

/** Begins the ids of Millrace's own streams, which no endpoint serves. */
const RESERVED = '@'

/** A user that is a text, or the `id` of one that is an object. */
const defaultOwnerOf: OwnerOf = (user: unknown) => {
  if (typeof user === 'string') return user
  if (typeof user !== 'object' || user === null || !('id' in user)) return undefined
  const { id } = user
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : undefined
}

export interface StreamAccessOptions {
  readonly store: Pick<StreamStore, 'head' | 'touch'>
  readonly ownerOf?: OwnerOf
}

export class StreamAccess {
  readonly #store: Pick<StreamStore, 'head' | 'touch'>
  readonly #ownerOf: OwnerOf
  readonly #followed: FollowedStreams

  constructor({ store, ownerOf = defaultOwnerOf }: StreamAccessOptions) {
    this.#store = store
    this.#ownerOf = ownerOf
    this.#followed = new FollowedStreams(store)
  }

  /** The owner of what a user starts; undefined without authentication. */
  ownerOf(user: User | undefined): string | undefined {
    return user === undefined || user === null ? undefined : this.#ownerOf(user)
  }

  /**
   * A stream, if this user may touch it: its owner, or anybody without authentication when it has no
   * owner. Rejects as the store does.
   */
  async find(id: string, user: User | undefined, signal?: AbortSignal): Promise<StreamInfo | undefined> {
    const info = id.startsWith(RESERVED) ? undefined : await this.#store.head(id, signal)
    return info && this.allows(info, user) ? info : undefined
  }

  /** Whether this user may touch this stream. */
  allows({ id, owner }: Pick<StreamInfo, 'id' | 'owner'>, user: User | undefined): boolean {
    return !id.startsWith(RESERVED) && owner === this.ownerOf(user) && this.mayOwn(user)
  }

  /** False for a user whom `ownerOf` does not know: that is not nobody, and ownerless streams are not theirs. */
  mayOwn(user: User | undefined): boolean {
    return user === undefined || user === null || this.ownerOf(user) !== undefined
  }

  /** Reading is a sign of life: a stream with a sliding expiry lives on. Never rejects. */
  async touch({ id, ttlMs }: StreamInfo, logger: Logger): Promise<void> {
    if (ttlMs !== undefined) await this.#followed.touch(id, logger)
  }

  /** Following, too: the stream does not expire by its TTL until the returned function is called. */
  follow(info: StreamInfo, logger: Logger): () => void {
    return this.#followed.add(info, logger)
  }
}
