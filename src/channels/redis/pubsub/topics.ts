/**
 * What is published where. A channel is a topic of the same name, without the prefix; a group is one
 * with it, as in channels_redis.
 *
 * Only this layer knows the others: a process hears its own channels by one pattern, which no other
 * name matches, and processes tell each other what to do on topics with a `:`, which no channel has.
 */

export class Topics {
  readonly #groupStart: string
  readonly #controlStart: string
  /** Where every process of the layer listens. */
  readonly everybody: string

  constructor(prefix: string) {
    this.#groupStart = `${prefix}__group__`
    this.#controlStart = `${prefix}:control`
    this.everybody = this.#controlStart
  }

  group(group: string): string {
    return this.#groupStart + group
  }

  /** The group of such a topic; undefined for another. */
  groupIn(topic: string): string | undefined {
    return topic.startsWith(this.#groupStart) ? topic.slice(this.#groupStart.length) : undefined
  }

  /** Where one process is told what to do; heard by its pattern. */
  control(process: string): string {
    return `${this.#controlStart}.${process}!`
  }

  isControl(topic: string): boolean {
    return topic.startsWith(this.#controlStart)
  }
}

/** Matches every channel with a `!` of a process, whatever its prefix, and its `control`. */
export function patternOf(process: string): string {
  return `*.${process}!*`
}
