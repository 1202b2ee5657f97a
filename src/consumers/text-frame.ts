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

  constructor(text: string) {
    const length = Buffer.byteLength(text)
    const headLength = length < 126 ? 2 : length < 0x1_00_00 ? 4 : 10
    const bytes = Buffer.allocUnsafe(headLength + length)
    bytes[0] = FIN_TEXT
    if (headLength === 2) bytes[1] = length
    else if (headLength === 4) {
      bytes[1] = 126
      bytes.writeUInt16BE(length, 2)
    } else {
      bytes[1] = 127
      bytes.writeUInt32BE(Math.floor(length / 0x1_00_00_00_00), 2)
      bytes.writeUInt32BE(length % 0x1_00_00_00_00, 6)
    }
    // As many bytes as characters: the faster of the two ways to write them.
    bytes.write(text, headLength, length === text.length ? 'latin1' : 'utf8')
    this.bytes = bytes
    this.#headLength = headLength
  }

  /** The message, for connections that are no WebSocket. */
  get text(): string {
    return this.bytes.toString('utf8', this.#headLength)
  }
}
