/**
 * A text message framed once, for any number of connections: a server's frames are not masked
 * (RFC 6455 section 5.1), so the bytes are the same for all, and sending one copies nothing.
 */
import { Buffer } from 'node:buffer'

/** FIN and the opcode of a text message (RFC 6455 section 5.2). */
const FIN_TEXT = 0x81

/** Bytes from which what two messages share is not copied: below, a piece more costs more than its bytes. */
const WORTH_SHARING = 16 * 1024

export class TextFrame {
  /** The frame as it goes over the wire, or its begin. Shared: do not write into it. */
  readonly bytes: Buffer
  /** What follows `bytes`, where that is memory of another frame. As little to be written into. */
  readonly rest: Buffer | undefined
  readonly #headLength: number

  private constructor(bytes: Buffer, headLength: number, rest?: Buffer) {
    this.bytes = bytes
    this.#headLength = headLength
    this.rest = rest
  }

  /**
   * The message is `text`, then `body`, which is UTF-8 already and of which a copy is made, then `end`,
   * which is ASCII.
   */
  static of(text: string, body: Uint8Array = NOTHING, end: string = ''): TextFrame {
    const textLength = Buffer.byteLength(text)
    const length = textLength + body.length + end.length
    const headLength = headLengthOf(length)
    const bytes = Buffer.allocUnsafe(headLength + length)
    writeHead(bytes, length)
    // As many bytes as characters: the faster of the two ways to write them.
    bytes.write(text, headLength, textLength === text.length ? 'latin1' : 'utf8')
    let at = headLength + textLength
    if (body.length > 0) bytes.set(body, at)
    at += body.length
    for (let n = 0; n < end.length; n++) bytes[at + n] = end.charCodeAt(n)
    return new TextFrame(bytes, headLength)
  }

  /**
   * The same message with another begin: `start`, which is ASCII, and what follows the first `skip` bytes of
   * this one, which is in one piece. A large one shares that with this frame.
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

  /** The message, for connections that are no WebSocket. */
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
