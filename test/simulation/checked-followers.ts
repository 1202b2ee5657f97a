/** Holds what tabs that follow a chat are told against the chat: each entry once, in order, as it was kept. */
import type { Fact, Fail } from './history.ts'
import type { KeptLog, KeptLogs } from './kept-log.ts'

interface Follower {
  /** The lives of the chat that it may be in, by what it was told. */
  lives: readonly KeptLog[]
  /** The place after the last entry that it was told of. */
  at: number
}

export class CheckedFollowers {
  readonly #followers = new Map<string, Follower>()
  readonly #kept: KeptLogs
  readonly #fail: Fail

  constructor(kept: KeptLogs, fail: Fail) {
    this.#kept = kept
    this.#fail = fail
  }

  note(fact: Extract<Fact, { type: 'chat-followed' | 'chat-seen' }>): void {
    if (fact.type === 'chat-followed') {
      const lives = [...this.#kept.logs.values()].filter(({ stream }) => stream === fact.stream)
      this.#followers.set(fact.by, { lives, at: fact.at })
      return
    }
    const { by, next, entry } = fact
    const follower = this.#followers.get(by)
    if (!follower) return this.#fail('reader-order', `${by} is told of an entry before it follows`)
    if (next !== follower.at + 1)
      return this.#fail('reader-order', `${by} is told of entry ${next} after ${follower.at}`)
    follower.at = next
    follower.lives = follower.lives.filter(({ records }) => records[next - 1] === entry)
    if (follower.lives.length === 0)
      this.#fail('seen-means-kept', `${by} is told of ${entry} as entry ${next}, which it is not`)
  }
}
