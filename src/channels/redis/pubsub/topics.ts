/**
 * The names of topics. As in channels_redis, a channel's topic has the channel's name without the prefix, and
 * a group's topic has the prefix.
 *
 * Other topics are this layer's own. A process hears its own channels through one pattern, which matches no
 * other name. Requests between processes have topics with a `:`, which no channel has.
 */

export class Topics {
  readonly #groupStart: string
  readonly #controlStart: string
  /** The topic that every process of the layer listens to. */
  readonly everybody: string

  constructor(prefix: string) {
    this.#groupStart = `${prefix}__group__`
    this.#controlStart = `${prefix}:control`
    this.everybody = this.#controlStart
  }

  group(group: string): string {
    return this.#groupStart + group
  }

  /** The group of a topic; undefined when it is not a group's topic. */
  groupIn(topic: string): string | undefined {
    return topic.startsWith(this.#groupStart) ? topic.slice(this.#groupStart.length) : undefined
  }

  /** The topic of requests to one process, which its pattern matches. */
  control(process: string): string {
    return `${this.#controlStart}.${process}!`
  }

  isControl(topic: string): boolean {
    return topic.startsWith(this.#controlStart)
  }
}

/** Matches every channel with a `!` of a process, with any prefix, and its `control`. */
export function patternOf(process: string): string {
  return `*.${process}!*`
}
