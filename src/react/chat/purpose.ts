/**
 * What a request of a chat is for, in words that `useChat` does not have. It travels as the request's metadata and holds
 * for one request: `useChat` gives the same metadata to those that it makes by itself afterwards.
 */
import type { WhileBusy } from './chat-view.ts'

export type Aim =
  /** To read the answer of a run that somebody has asked for. */
  | { readonly type: 'read'; readonly run: string }
  | {
      readonly type: 'ask'
      readonly whileBusy: WhileBusy
      /** The key of the message in whose place the new one stands. */
      readonly edits?: string | undefined
    }

export class Purpose {
  #aim: Aim | undefined
  readonly #taken = Promise.withResolvers<void>()
  /** Resolves when the request is made. */
  readonly taken: Promise<void> = this.#taken.promise

  constructor(aim: Aim) {
    this.#aim = aim
  }

  static take(metadata: unknown): Aim | undefined {
    if (!(metadata instanceof Purpose)) return undefined
    const aim = metadata.#aim
    metadata.#aim = undefined
    metadata.#taken.resolve()
    return aim
  }
}
