/**
 * One stream in memory: its records, its state and who follows it, in one object. With thousands of
 * streams each append finds its stream in slow memory, and each object more is one more to wait for:
 * so a stream is its log, and has it not in another place.
 */
import type { Mutable, ProducerState, StreamState } from '../bookkeeping.ts'
import type { LeaseState } from '../lease-bookkeeping.ts'
import { kindOf } from '../requests.ts'
import type { Producer } from '../store.ts'
import type { WatchedStream } from '../watchers.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { LogFollower } from './log-follower.ts'
import { RecordLog } from './record-log.ts'

// What an append looks at comes first, after the end of the log.
export class MemoryStream extends RecordLog implements Mutable<StreamState> {
  tail: number
  closed: boolean
  /** Whether the followers know that there is something to take. */
  isCalled = false
  /** Set by the first listener; spares each append a search. */
  watched: WatchedStream | undefined
  expiresAt: number | undefined
  ttlMs: number | undefined
  contentType: string
  incarnation: string
  streamSeq: string | undefined
  closedBy: Producer | undefined
  metadata: string | undefined
  owner: string | undefined
  createdAt: number
  lease: LeaseState | undefined
  followers: readonly LogFollower[] = []
  readonly producers = new Map<string, ProducerState>()

  constructor(state: StreamState, pool: ChunkPool) {
    super(kindOf(state.contentType), pool)
    this.tail = state.tail
    this.closed = state.closed
    this.expiresAt = state.expiresAt
    this.ttlMs = state.ttlMs
    this.contentType = state.contentType
    this.incarnation = state.incarnation
    this.streamSeq = state.streamSeq
    this.closedBy = state.closedBy
    this.metadata = state.metadata
    this.owner = state.owner
    this.createdAt = state.createdAt
  }

  follow(follower: LogFollower): () => void {
    this.followers = [...this.followers, follower]
    this.isCalled = false
    return () => {
      follower.close()
      this.followers = this.followers.filter((other) => other !== follower)
    }
  }

  /** There is something for the followers to take. */
  call(): void {
    this.isCalled = true
    for (const follower of this.followers) follower.call()
  }

  /** It is no longer there. Its followers have what they did not take yet. */
  end(reason: 'deleted' | 'expired'): void {
    const { followers } = this
    this.followers = []
    for (const follower of followers) follower.end(reason)
    this.release()
  }
}
