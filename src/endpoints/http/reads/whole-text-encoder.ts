/**
 * Text as server-sent events that never split a character. A writer may cut UTF-8 anywhere, and so may a batch.
 * Records that end inside a character wait for the rest of it; readers are told the place before them, so that a
 * reader that reconnects loses nothing.
 */
import { Buffer } from 'node:buffer'
import { Batch, type ReaderEncoder, type SharedEncoder } from '../../../delivery/batch.ts'
import type { Json } from '../../../protocol/json.ts'
import { type Offset, offsetBefore } from '../../../protocol/offset.ts'
import type { StreamRecord } from '../../../streams/stream.ts'
import { SSE_COMMENT, type SseEvents } from './sse-encoder.ts'

export class WholeTextEncoder implements SseEvents, ReaderEncoder<Buffer> {
  /** Almost every frame is shared. */
  readonly own: 'head' | 'frame'
  readonly isBase64 = false
  readonly #events: SseEvents
  /** The held part, which ends inside a character: at most three records. */
  #held: Batch | undefined

  constructor(events: SseEvents) {
    this.own = events.own ?? 'head'
    this.#events = events
  }

  encode(batch: Batch): Buffer {
    const all = this.#held ? joined(this.#held, batch) : batch
    this.#held = undefined
    // No more bytes will complete it.
    if (all.reach === 'closed') return all.frame(this.#events)
    const { whole, rest } = all.frame(cut)
    this.#held = rest
    return whole ? whole.frame(this.#events) : SSE_COMMENT
  }

  control(at: Offset): Buffer {
    return this.#events.control(at)
  }

  closed(at: Offset, end: Json | undefined): Buffer {
    const closed = this.#events.closed(at, end)
    return this.#held ? Buffer.concat([this.#events.encode(this.#held), closed]) : closed
  }
}

/** A batch split into records that end at a whole character, and the rest. */
interface Cut {
  readonly whole: Batch | undefined
  readonly rest: Batch | undefined
}

const cut: SharedEncoder<Cut> = {
  encode: (batch) => {
    const count = countWhole(batch.records)
    if (count === batch.span.length) return { whole: batch, rest: undefined }
    if (count === 0) return { whole: undefined, rest: batch }
    const { stream, from, next, span } = batch
    const position = from.position + count
    const whole = new Batch(stream, from, offsetBefore(next, position), span.slice(0, count), 'more')
    return { whole, rest: batch.after(position) }
  },
}

function joined({ stream, from, span }: Batch, following: Batch): Batch {
  const { next, reach, end } = following
  return new Batch(stream, from, next, span.concat(following.span), reach, end)
}

/** Number of records before the character that the last one leaves unfinished; all, if it is finished. */
function countWhole(records: readonly StreamRecord[]): number {
  let count = records.length
  let unfinished = unfinishedBytes(records as readonly Uint8Array[])
  while (unfinished > 0) unfinished -= (records[--count] as Uint8Array).length
  return count
}

/** Number of bytes at the end that begin an unfinished UTF-8 character. */
function unfinishedBytes(records: readonly Uint8Array[]): number {
  let back = 0
  for (let index = records.length - 1; index >= 0; index--) {
    const record = records[index] as Uint8Array
    for (let at = record.length - 1; at >= 0; at--) {
      back++
      const byte = record[at] as number
      if (byte < 0x80 || byte >= 0xc0) return bytesFrom(byte) > back ? back : 0
      if (back === 3) return 0
    }
  }
  return 0
}

/** Length of the character that a byte begins; 1 for a byte that begins none. */
function bytesFrom(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1
  return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
}
