/** The frames that a server sends a `WebSocketChatTransport`; src/endpoints/chat/chat-socket.ts speaks the rest. */
import { TextFrame } from '../../consumers/text-frame.ts'

/** Counts the chunks of one request, from 0. */
export class ChunkFrames {
  readonly #head: string
  #sequence = 0

  constructor(requestId: string) {
    this.#head = `{"type":"chunk","requestId":${JSON.stringify(requestId)},"sequence":`
  }

  /** A frame for each chunk. */
  of(chunks: readonly string[]): readonly TextFrame[] {
    return chunks.map((chunk) => TextFrame.of(`${this.#head}${this.#sequence++},"chunk":${chunk}}`))
  }
}
