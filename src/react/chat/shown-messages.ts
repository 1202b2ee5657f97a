/**
 * The messages that a page shows of a chat: those of its log, and beyond them what only this tab has: the answer that it
 * reads, what it said about tool calls and has not sent yet, and a message that the server refused.
 *
 * A message keeps its place and its id from its first to its last state, so that nothing is there twice, or gone for a
 * moment, while it goes from the tab into the log.
 */
import type { UIMessage } from 'ai'
import type { ChatItem } from '../../conversation/chat.ts'
import type { ChatMessage } from '../../conversation/entries.ts'

/** The answer that a tab reads. */
export interface Reading {
  readonly run: string
  /** The key of the message that it answers. */
  readonly question: string
  /** The id of its message, from its first chunk on. */
  readonly answer: string | undefined
}

export class ShownMessages<M extends UIMessage> {
  /** By id, what the log said when it was last shown. */
  #logged: ReadonlyMap<string, ChatMessage> = new Map()
  /** The answer that was read to its end: what the log has of it is what this tab has, less what the page added. */
  #whole: string | undefined

  /** Notes that an answer was read to its end. */
  noteWhole(answer: string | undefined): void {
    this.#whole = answer
  }

  /**
   * @param items the branch that the log shows.
   * @param local what `useChat` has.
   * @param unsent a message that the server refused.
   */
  merge(
    items: readonly ChatItem[],
    local: readonly M[],
    reading: Reading | undefined,
    unsent: M | undefined,
  ): M[] {
    const own = new Map(local.map((message) => [message.id, message]))
    const answer = reading?.answer === undefined ? undefined : own.get(reading.answer)
    const isKept = answer && items.some(({ message }) => message.id === answer.id)
    const logged = new Map<string, ChatMessage>()
    const shown: M[] = []
    for (const { key, message, ask } of items) {
      const mine = own.get(message.id)
      // The log may have it whole before its first word was read, or any word: the page goes on at its own pace.
      const isRead = reading?.answer === undefined && ask?.run === reading?.run && ask?.answer === key
      if (isRead || (mine && mine === answer)) {
        if (mine) shown.push(mine)
      } else {
        const isSame = this.#whole === message.id || this.#logged.get(message.id) === message
        shown.push(mine && isSame ? mine : (message as M))
        logged.set(message.id, message)
      }
      if (answer && !isKept && key === reading?.question) shown.push(answer)
    }
    this.#logged = logged
    this.#whole = undefined
    if (unsent && !logged.has(unsent.id)) shown.push(unsent)
    return shown
  }
}
