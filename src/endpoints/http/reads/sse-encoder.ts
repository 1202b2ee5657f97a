/**
 * Batches as server-sent events: `data` with the records, then `control` with the places before and after them. The
 * id is the place after them, so that an EventSource resumes there; it also holds for the `control` event.
 */
import { Buffer } from 'node:buffer'
import type { Batch } from '../../../delivery/batch.ts'
import type { Json } from '../../../protocol/json.ts'
import { encodeOffset } from '../../../protocol/offset.ts'
import type { Offset } from '../../../protocol/offset.ts'
import { currentCursor } from './cursor.ts'

/**
 * How the records of a batch are written: as a JSON array, as one text, as base64 of all bytes, or as an array of
 * base64 texts.
 */
export type Format = 'json' | 'text' | 'base64' | 'apart'

/** A line break, which would end the line of the event, and a space after it. */
const LINE_BREAKS = /(?:\r\n|\r|\n)( ?)/g

/** Makes the events of one reader, or of all readers with the same format. */
export interface SseEvents {
  readonly own?: 'head' | 'frame' | undefined
  /** Whether records are written as base64. */
  readonly isBase64: boolean
  /** A `data` event and its `control` event. */
  encode(batch: Batch): Buffer
  /** A `control` event without records: at the tail. */
  control(at: Offset): Buffer
  /** The same at the end of a closed stream, with its end. */
  closed(at: Offset, end: Json | undefined): Buffer
}

export class SseEncoder implements SseEvents {
  readonly own: 'frame' | undefined
  readonly #format: Format
  readonly #least: number

  /** @param least lowest cursor for its only reader. Without it, readers share frames. */
  constructor(format: Format, least?: number) {
    this.own = least === undefined ? undefined : 'frame'
    this.#format = format
    this.#least = least ?? 0
  }

  get isBase64(): boolean {
    return this.#format === 'base64' || this.#format === 'apart'
  }

  encode({ from, next, span, reach, end }: Batch): Buffer {
    const id = encodeOffset(next)
    const begin = encodeOffset(from)
    const upToDate = reach === 'more' ? '' : ',"upToDate":true'
    const place = `"streamNextOffset":"${id}","streamFromOffset":"${begin}"${upToDate}`
    const how = end === undefined ? '' : `,"end":${JSON.stringify(end)}`
    const rest = reach === 'closed' ? `,"streamClosed":true${how}` : `,"streamCursor":"${this.#cursor()}"`
    const data = dataLines(this.#format, span)
    return Buffer.from(`id: ${id}\nevent: data\n${data}\n\nevent: control\ndata:{${place}${rest}}\n\n`)
  }

  control(at: Offset): Buffer {
    return controlWith(at, { streamCursor: String(this.#cursor()) })
  }

  closed(at: Offset, end: Json | undefined): Buffer {
    return controlWith(at, { streamClosed: true, ...(end !== undefined && { end }) })
  }

  #cursor(): number {
    return Math.max(this.#least, currentCursor())
  }
}

function controlWith(at: Offset, more: { readonly [key: string]: Json }): Buffer {
  const id = encodeOffset(at)
  const data = { streamNextOffset: id, streamFromOffset: id, upToDate: true, ...more }
  return Buffer.from(`id: ${id}\nevent: control\ndata:${JSON.stringify(data)}\n\n`)
}

/** Why following a stream ended early. */
export interface SseFault {
  readonly code: string
  readonly message: string
  /** Why the stream is gone. */
  readonly reason?: string
  /** After a trim: the token of the place before the first record that is kept. */
  readonly first?: string
}

/** The last event of a response. */
export function errorEvent(fault: SseFault): Buffer {
  return Buffer.from(`event: error\ndata:${JSON.stringify(fault)}\n\n`)
}

export const SSE_COMMENT: Buffer = Buffer.from(':\n\n')

/** Tells the reader to reconnect after this many seconds. */
export function retryLine(seconds: number): Buffer {
  return Buffer.from(`retry: ${Math.round(seconds * 1000)}\n\n`)
}

function dataLines(format: Format, span: Batch['span']): string {
  // There may be line breaks between JSON records, and inside them.
  if (format === 'json') return `data:[${overLines(span.text ?? '')}]`
  const records = span.records as readonly Uint8Array[]
  if (format === 'apart') return `data:${JSON.stringify(records.map(base64Of))}`
  const bytes = Buffer.concat(records)
  if (format === 'base64') return `data:${base64Of(bytes)}`
  const text = bytes.toString()
  return `data:${text.startsWith(' ') ? ' ' : ''}${overLines(text)}`
}

/** One space after the colon is not part of the line, so a line that begins with a space needs two. */
function overLines(text: string): string {
  // Rare in JSON, so it is checked first.
  const broken = text.includes('\n') || text.includes('\r')
  return broken ? text.replace(LINE_BREAKS, '\ndata:$1$1') : text
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
