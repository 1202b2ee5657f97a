import { setTimeout as sleep } from 'node:timers/promises'
import { type Json, JsonWebSocketConsumer, MessageRefusedError } from 'millrace'

/** What the page sends. */
export type ClientMessage = { type: 'say'; text: string } | { type: 'recite' }

/** What the page receives. */
export type ServerMessage =
  | { type: 'welcome'; room: string; name: string }
  | { type: 'said'; name: string; text: string }
  | { type: 'word'; text: string; last: boolean }

const POEM = 'The river comes down in its own good time, and the wheel, word by word, goes round.'

/** Milliseconds between its words. */
const PACE = 120

/** One person in one room. Each connection has an instance of its own. */
export class ChatConsumer extends JsonWebSocketConsumer<Json, ServerMessage, { room: string }> {
  readonly #name = `guest-${this.scope.id}`

  get #group(): string {
    return `chat.${this.scope.params.room}`
  }

  override async connect(): Promise<void> {
    // Closing before accepting refuses the connection with HTTP 403.
    if (this.scope.params.room.length > 40) return this.close()
    await this.groupAdd(this.#group)
    await this.accept()
    await this.send({ type: 'welcome', room: this.scope.params.room, name: this.#name })
  }

  override async receive(json: Json): Promise<void> {
    const message = clientMessage(json)
    if (message.type === 'say') {
      await this.groupSend(this.#group, { type: 'chat.said', name: this.#name, text: message.text })
    } else {
      await this.#recite()
    }
  }

  /** Group messages of type `chat.said` arrive here, in every connection of the room. */
  async chat_said({ name, text }: { name: string; text: string }): Promise<void> {
    await this.send({ type: 'said', name, text })
  }

  /** Streams, as a model would. It stops the moment the person leaves, because `this.signal` aborts. */
  async #recite(): Promise<void> {
    const words = POEM.split(' ')
    for (const [index, text] of words.entries()) {
      await this.send({ type: 'word', text, last: index === words.length - 1 })
      await sleep(PACE, undefined, { signal: this.signal })
    }
  }
}

/** Whatever a browser sends is checked before it is used; what is refused ends the connection. */
function clientMessage(json: Json): ClientMessage {
  const { type, text } = (typeof json === 'object' && json !== null ? json : {}) as {
    type?: Json
    text?: Json
  }
  if (type === 'recite') return { type }
  if (type === 'say' && typeof text === 'string' && text.length <= 2000) return { type, text }
  throw new MessageRefusedError('Send {"type":"say","text":"…"} or {"type":"recite"}')
}
