/**
 * A text message framed once, for any number of connections: a server's frames are not masked
 * (RFC 6455 section 5.1), so the bytes are the same for all, and sending one copies nothing.
 */
import { Buffer } from 'node:buffer'

/** FIN and the opcode of a text message (RFC 6455 section 5.2). */
const FIN_TEXT = 0x81

export class TextFrame {
  /** The whole frame as it goes over the wire. Shared: do not write into it. */
  readonly bytes: Buffer
  readonly #headLength: number

  /**
   * The message is `text`, then `body`, which is UTF-8 already and of which a copy is made, then `end`,
   * which is ASCII.
   */
  constructor(text: string, body: Uint8Array = NOTHING, end: string = '') {
    const textLength = Buffer.byteLength(text)
    const length = textLength + body.length + end.length
    const headLength = length < 126 ? 2 : length < 0x1_00_00 ? 4 : 10
    const bytes = Buffer.allocUnsafe(headLength + length)
    bytes[0] = FIN_TEXT
    if (headLength === 2) bytes[1] = length
    else if (headLength === 4) {
      bytes[1] = 126
      bytes[2] = length >>> 8
      bytes[3] = length
    } else {
      bytes[1] = 127
      bytes.writeUInt32BE(Math.floor(length / 0x1_00_00_00_00), 2)
      bytes.writeUInt32BE(length % 0x1_00_00_00_00, 6)
    }
    // As many bytes as characters: the faster of the two ways to write them.
    bytes.write(text, headLength, textLength === text.length ? 'latin1' : 'utf8')
    let at = headLength + textLength
    if (body.length > 0) bytes.set(body, at)
    at += body.length
    for (let n = 0; n < end.length; n++) bytes[at + n] = end.charCodeAt(n)
    this.bytes = bytes
    this.#headLength = headLength
  }

  /** The message, for connections that are no WebSocket. */
  get text(): string {
    return this.bytes.toString('utf8', this.#headLength)
  }
}

const NOTHING = new Uint8Array(0)
