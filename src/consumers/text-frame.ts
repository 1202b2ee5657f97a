/**
 * A text message framed once, for any number of connections. A server's frames are not masked (RFC 6455
 * section 5.1), so the bytes are the same for all, and sending one copies nothing.
 */
import { Buffer } from 'node:buffer'

/** FIN and the opcode of a text message (RFC 6455 section 5.2). */
const FIN_TEXT = 0x81

/**
 * Bytes from which a part that two messages share is not copied. A smaller part is cheaper to copy than to
 * send apart.
 */
const WORTH_SHARING = 16 * 1024

export class TextFrame {
  /** The frame as it goes over the wire, or its beginning. Shared: do not write into it. */
  readonly bytes: Buffer
  /** The rest of the frame, when it is memory of another frame. Shared, too. */
  readonly rest: Buffer | undefined
  readonly #headLength: number

  private constructor(bytes: Buffer, headLength: number, rest?: Buffer) {
    this.bytes = bytes
    this.#headLength = headLength
    this.rest = rest
  }

  /**
   * Makes a message of `text`, then `body`, which is UTF-8 and is copied, then `end`, which is ASCII.
   */
  static of(text: string, body: Uint8Array = NOTHING, end: string = ''): TextFrame {
    const textLength = Buffer.byteLength(text)
    const length = textLength + body.length + end.length
    const headLength = headLengthOf(length)
    const bytes = Buffer.allocUnsafe(headLength + length)
    writeHead(bytes, length)
    // With as many bytes as characters, the text is ASCII, which latin1 writes faster.
    bytes.write(text, headLength, textLength === text.length ? 'latin1' : 'utf8')
    let at = headLength + textLength
    if (body.length > 0) bytes.set(body, at)
    at += body.length
    for (let n = 0; n < end.length; n++) bytes[at + n] = end.charCodeAt(n)
    return new TextFrame(bytes, headLength)
  }

  /**
   * The same message with another beginning: `start`, which is ASCII, replaces the first `skip` bytes. This
   * frame must be in one piece. A large message shares the rest with this frame.
   */
  startingWith(start: string, skip: number): TextFrame {
    const from = this.#headLength + skip
    const kept = this.bytes.length - from
    const length = start.length + kept
    const headLength = headLengthOf(length)
    const own = headLength + start.length
    const isShared = kept >= WORTH_SHARING
    const bytes = Buffer.allocUnsafe(isShared ? own : own + kept)
    writeHead(bytes, length)
    bytes.write(start, headLength, 'latin1')
    if (isShared) return new TextFrame(bytes, headLength, this.bytes.subarray(from))
    this.bytes.copy(bytes, own, from)
    return new TextFrame(bytes, headLength)
  }

  /** The message, for connections other than WebSockets. */
  get text(): string {
    const { bytes, rest } = this
    if (!rest) return bytes.toString('utf8', this.#headLength)
    return Buffer.concat([bytes.subarray(this.#headLength), rest]).toString()
  }
}

const NOTHING = new Uint8Array(0)

function headLengthOf(length: number): number {
  return length < 126 ? 2 : length < 0x1_00_00 ? 4 : 10
}

function writeHead(bytes: Buffer, length: number): void {
  bytes[0] = FIN_TEXT
  if (length < 126) bytes[1] = length
  else if (length < 0x1_00_00) {
    bytes[1] = 126
    bytes[2] = length >>> 8
    bytes[3] = length
  } else {
    bytes[1] = 127
    bytes.writeUInt32BE(Math.floor(length / 0x1_00_00_00_00), 2)
    bytes.writeUInt32BE(length % 0x1_00_00_00_00, 6)
  }
}
