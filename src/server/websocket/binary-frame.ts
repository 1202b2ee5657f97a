/** A binary message as a WebSocket frame: a server's frames are not masked (RFC 6455 section 5.1). */
import { Buffer } from 'node:buffer'
import { WORTH_A_WRITE } from './outbox.ts'

/** FIN and the opcode of a binary message (RFC 6455 section 5.2). */
const FIN_BINARY = 0x82

/** The frame in one piece; for large data, its head and the data without a copy. */
export function binaryFrame(data: Uint8Array): readonly Buffer[] {
  const { length } = data
  const headLength = length < 126 ? 2 : length < 0x1_00_00 ? 4 : 10
  const isLarge = length >= WORTH_A_WRITE
  const frame = Buffer.allocUnsafe(isLarge ? headLength : headLength + length)
  frame[0] = FIN_BINARY
  if (headLength === 2) frame[1] = length
  else if (headLength === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  if (isLarge) return [frame, Buffer.from(data.buffer, data.byteOffset, length)]
  frame.set(data, headLength)
  return [frame]
}
