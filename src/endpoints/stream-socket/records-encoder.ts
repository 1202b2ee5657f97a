/**
 * Encodes batches as `records` frames, each with the number of its subscription. The part after the number is the same
 * for all readers, so it is made once per batch, from the unparsed texts of the records. Sockets with the same number
 * as the first reader (usually 1) share its frame.
 */
import { Buffer } from 'node:buffer'
import { TextFrame } from '../../consumers/text-frame.ts'
import type { Batch, ReaderEncoder, SharedEncoder } from '../../delivery/batch.ts'
import { encodeOffset } from '../../protocol/offset.ts'

export class RecordsEncoder implements ReaderEncoder<TextFrame> {
  readonly own = 'head'
  readonly #sub: number

  /** @param sub the client's number of the subscription */
  constructor(sub: number) {
    this.#sub = sub
  }

  encode(batch: Batch): TextFrame {
    return batch.frame(frames).under(this.#sub)
  }
}

/** The frames of one batch. */
class RecordsFrames {
  readonly #batch: Batch
  /** The number in the first frame, from which the others are made. */
  #sub = 0
  #first: TextFrame | undefined

  constructor(batch: Batch) {
    this.#batch = batch
  }

  under(sub: number): TextFrame {
    if (sub === this.#sub) return this.#first as TextFrame
    if (this.#first) return this.#first.startingWith(startOf(sub), startOf(this.#sub).length)
    this.#sub = sub
    return (this.#first = frameOf(this.#batch, startOf(sub)))
  }
}

const frames: SharedEncoder<RecordsFrames> = { encode: (batch) => new RecordsFrames(batch) }

function startOf(sub: number): string {
  return `{"type":"records","sub":${sub},`
}

function frameOf({ from, next, span }: Batch, start: string): TextFrame {
  const head = `${start}"from":"${encodeOffset(from)}","offset":"${encodeOffset(next)}"`
  if (span.json) return TextFrame.of(`${head},"records":[`, span.json, ']}')
  if (span.text !== undefined) return TextFrame.of(`${head},"records":[${span.text}]}`)
  const texts = span.records.map((bytes) => `"${Buffer.from(bytes as Uint8Array).toString('base64')}"`)
  return TextFrame.of(`${head},"encoding":"base64","records":[${texts.join(',')}]}`)
}
