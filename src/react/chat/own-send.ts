/** The send of this tab that stands in its list already and not in the log yet; or what the server refused of it. */
import type { UIMessage } from 'ai'
import type { LiveChat } from '../../client/chat/live-chat.ts'

export interface Sending {
  /** The run that will answer. */
  readonly run: string
  /** The id of a message that is new. */
  readonly id: string | undefined
  /** Whether what is being answered is stopped for it: so it stands in the list while it waits for that. */
  readonly replaces: boolean
}

export class OwnSend<M extends UIMessage> {
  #now: Sending | undefined
  #unsent: M | undefined

  get now(): Sending | undefined {
    return this.#now
  }

  get unsent(): M | undefined {
    return this.#unsent
  }

  /** Returns what is to be told of how the server took it. */
  begin(sending: Sending): { kept(run: string): void; refused(message: M | undefined): void } {
    this.#now = sending
    this.#unsent = undefined
    return {
      kept: (run) => {
        if (this.#now === sending) this.#now = { ...sending, run }
      },
      refused: (message) => {
        this.#now = undefined
        this.#unsent = message
      },
    }
  }

  takeUnsent(): M | undefined {
    const unsent = this.#unsent
    this.#unsent = undefined
    return unsent
  }

  /** Forgets what the log has. */
  settle(live: LiveChat): void {
    const ids = new Set(live.snapshot().messages.map(({ message }) => message.id))
    if (this.#unsent && ids.has(this.#unsent.id)) this.#unsent = undefined
    if (!this.#now) return
    const { run, id, replaces } = this.#now
    const ask = live.ask(run)
    const isThere = ask && !(ask.status === 'queued' && replaces)
    if (isThere || (id !== undefined && ids.has(id))) this.#now = undefined
  }
}
