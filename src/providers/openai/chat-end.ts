/**
 * Whether the choices of a completion have ended. A `finish_reason` tells, unless a service sends it with
 * every piece of the answer. Then it tells nothing, and a cut connection after it has cut the answer. Pure.
 */
import type { ChatChunk } from './chat-answer.ts'
import { isReason } from './finish-reason.ts'

/** One choice. */
interface Choice {
  finished: boolean
  /** A piece came without a reason. */
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

  /** Every choice has a reason. With `[DONE]` or the usage, that is the end. */
  get said(): boolean {
    return this.#all(({ finished }) => finished)
  }

  /** No choice continued after its reason. With a proper end of the body, that is the end. */
  get saidOnce(): boolean {
    return this.#all(({ finished, wentOn }) => finished && !wentOn)
  }

  /** Pieces came without a reason, and then the reason came. That is the end in any case. */
  get certain(): boolean {
    return this.#all(({ finished, wentOn, plain }) => finished && !wentOn && plain)
  }

  #all(holds: (choice: Choice) => boolean): boolean {
    const ended = [...this.#choices.values()].filter(holds)
    return ended.length >= this.#count
  }
}

/** Whether a delta has text, reasoning or a tool call: anything except the role. */
function holdsSomething(delta: object | null | undefined): boolean {
  return Object.entries(delta ?? {}).some(
    ([name, value]) =>
      name !== 'role' &&
      ((typeof value === 'string' && value !== '') || (Array.isArray(value) && value.length > 0)),
  )
}
