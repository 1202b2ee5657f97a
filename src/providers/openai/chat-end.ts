/**
 * Whether the choices of a completion ended. A `finish_reason` says so, unless it stands on every piece of
 * the answer, as some services have it: then it says nothing, and a connection that is cut behind it cut
 * the answer. Pure.
 */
import type { ChatChunk } from './chat-answer.ts'
import { isReason } from './finish-reason.ts'

/** One choice. */
interface Choice {
  finished: boolean
  /** A piece of it came without a reason. */
  plain: boolean
  /** A piece came after a reason. */
  wentOn: boolean
}

export class ChatEnd {
  readonly #count: number
  readonly #choices = new Map<number, Choice>()

  /** @param count of the choices that were asked for. */
  constructor(count: number) {
    this.#count = count
  }

  take({ choices }: ChatChunk): void {
    for (const choice of choices) if (choice) this.#takeChoice(choice)
  }

  #takeChoice({ index, delta, finish_reason: reason }: ChatChunk['choices'][number]): void {
    const choice = this.#choices.get(index ?? 0) ?? { finished: false, plain: false, wentOn: false }
    this.#choices.set(index ?? 0, choice)
    const hasReason = isReason(reason)
    if (holdsSomething(delta)) {
      choice.wentOn ||= choice.finished
      choice.plain ||= !hasReason
      choice.finished = hasReason
    } else if (hasReason) choice.finished = true
  }

  /** Every choice said its reason: with `[DONE]`, or the usage, that is the end. */
  get said(): boolean {
    return this.#all(({ finished }) => finished)
  }

  /** No choice went on behind its reason: with an end of the body that is no cut, that is the end. */
  get saidOnce(): boolean {
    return this.#all(({ finished, wentOn }) => finished && !wentOn)
  }

  /** Pieces came without a reason, and then it came: that is the end, whatever follows. */
  get certain(): boolean {
    return this.#all(({ finished, wentOn, plain }) => finished && !wentOn && plain)
  }

  #all(holds: (choice: Choice) => boolean): boolean {
    const ended = [...this.#choices.values()].filter(holds)
    return ended.length >= this.#count
  }
}

/** Text, reasoning, a tool call: all but the role. */
function holdsSomething(delta: object | null | undefined): boolean {
  return Object.entries(delta ?? {}).some(
    ([name, value]) =>
      name !== 'role' &&
      ((typeof value === 'string' && value !== '') || (Array.isArray(value) && value.length > 0)),
  )
}
