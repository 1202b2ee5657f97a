/** Draws what people do in chats: in few of the seeds, two tabs in one chat, and processes that die over it. */
import type { WhileBusy } from '../../src/chats/options.ts'
import { Chance } from '../chaos/chance.ts'
import type { Question } from './chat-kind.ts'
import type { Deed, DeedOf } from './deed.ts'

export interface ChatFrame {
  readonly seed: number
  readonly processes: number
  readonly lengthMs: number
  /** Whether it is drawn for certain. */
  readonly isBusy: boolean
  /** Whether the application keeps the messages in a database of its own. */
  readonly isKept: boolean
  readonly add: (deed: Deed, atMs: number) => void
}

/** Of all seeds. */
const PART = 0.1

export class ChatActs {
  readonly #frame: ChatFrame
  readonly #chance: Chance
  #tokens = 0

  constructor(frame: ChatFrame) {
    this.#frame = frame
    this.#chance = new Chance(frame.seed, 'chats')
  }

  draw(): void {
    const chance = this.#chance
    if (chance.next() >= PART && !this.#frame.isBusy) return
    const { processes, lengthMs, add } = this.#frame
    const whileBusy = chance.pick(['refuse', 'queue', 'queue', 'replace'] as const)
    const sent: string[] = []
    let atMs = chance.between(0, lengthMs / 3)
    this.#follow(whileBusy, atMs)
    for (let left = chance.between(3, 12); left > 0; left--) {
      // Often two at once.
      atMs += chance.pick([0, 0, 20, 500, 3_000])
      const slot = chance.between(0, processes)
      const tab = chance.pick(['one', 'two'])
      const persists = chance.next() < 0.8
      const message = chance.pick([...sent, 'm0'])
      const deed = { type: 'chat', chat: 'c0', tab, slot, whileBusy, persists, question: undefined } as const
      const what = chance.next()
      if (what < 0.55 || sent.length === 0) {
        const question = this.#question(`m${sent.length}`)
        sent.push(question.id)
        add({ ...deed, does: 'send', message: question.id, question }, atMs)
        // Sent again by who does not know that it was.
        if (chance.next() < 0.2)
          add({ ...deed, slot: slot + 1, does: 'send', message: question.id, question }, atMs + 10)
      } else if (what < 0.6) {
        const id = `m${sent.length}`
        sent.push(id)
        const question = this.#question(id, `page-${this.#tokens++}`)
        const leavesOut = chance.between(0, 6)
        add({ ...deed, does: 'page-send', message: id, question, leavesOut }, atMs)
      } else if (what < 0.67) {
        const question = this.#question(message, `edit-${this.#tokens++}`)
        add({ ...deed, does: 'edit', message, question }, atMs)
        // And back to what it was, or to the edit again.
        const version = chance.pick([message, `${message}~2`])
        if (chance.next() < 0.5)
          add({ ...deed, does: 'select', message: version }, atMs + chance.between(0, 3_000))
      } else {
        const does = this.#other(what)
        // What was sent last is what waits, if anything does.
        const last = does === 'take-back' ? (sent.at(-1) ?? message) : message
        // Or a later version of it, which an edit has made.
        const isVersion = does === 'select' && chance.next() < 0.3
        add({ ...deed, does, message: isVersion ? `${last}~2` : last }, atMs)
      }
      if (chance.next() < 0.3) this.#doom(atMs)
    }
  }

  #other(what: number): DeedOf<'chat'>['does'] {
    if (what < 0.72) return 'regenerate'
    if (what < 0.78) return 'take-back'
    if (what < 0.84) return 'stop'
    if (what < 0.87) return 'look'
    if (what < 0.89) return 'rename'
    if (what < 0.94) return 'select'
    // An application that keeps the messages has to do these there, too.
    if (this.#frame.isKept) return 'look'
    return what < 0.98 ? 'remove' : 'delete'
  }

  /** Tabs that follow the chat, from before it is there or later on. */
  #follow(whileBusy: WhileBusy, atMs: number): void {
    const { processes, lengthMs, add } = this.#frame
    const deed = { type: 'chat', does: 'follow', chat: 'c0', question: undefined, persists: true } as const
    for (let left = this.#chance.between(0, 3); left > 0; left--) {
      const slot = this.#chance.between(0, processes)
      const at = Math.max(0, atMs - 50 + this.#chance.between(0, lengthMs / 2))
      add({ ...deed, tab: `follower ${left}`, slot, message: '', whileBusy }, at)
    }
  }

  #doom(atMs: number): void {
    const { processes, add } = this.#frame
    const slot = this.#chance.between(0, processes)
    const when = this.#chance.pick(['before', 'after'] as const)
    add({ type: 'chat-doom', slot, calls: this.#chance.between(0, 12), when }, Math.max(0, atMs - 5))
  }

  #question(id: string, token: string = id): Question {
    const chance = this.#chance
    const events = chance.between(0, 8)
    return { id, role: 'user', token, events, paceMs: chance.pick([5, 50, 400]), fails: chance.next() < 0.1 }
  }
}
