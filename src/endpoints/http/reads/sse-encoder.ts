/**
 * Batches as server-sent events: `data` with the records, then `control` with the places before and behind
 * them. The id is the latter, so that an EventSource goes on from there; until another comes, it holds for `control`.
 */
import { Buffer } from 'node:buffer'
import type { Batch } from '../../../delivery/batch.ts'
import type { Json } from '../../../protocol/json.ts'
import { encodeOffset } from '../../../protocol/offset.ts'
import type { Offset } from '../../../protocol/offset.ts'
import { currentCursor } from './cursor.ts'

/**
 * How the records of a batch are written: an array of JSON, the text that they are together, the base64 of
 * their bytes together, or an array with the base64 text of each.
 */
export type Format = 'json' | 'text' | 'base64' | 'apart'

/** A line break, which would end the line of the event, and a space behind it. */
const LINE_BREAKS = /(?:\r\n|\r|\n)( ?)/g

/** Makes the events of one reader, or of all that are alike. */
export interface SseEvents {
  readonly own?: 'head' | 'frame' | undefined
  /** Whether records are written as base64. */
  readonly isBase64: boolean
  /** A `data` event and its `control` event. */
  encode(batch: Batch): Buffer
  /** A `control` event without records before it: at the tail. */
  control(at: Offset): Buffer
  /** The same at the end of a closed stream, with what it is closed with. */
  closed(at: Offset, end: Json | undefined): Buffer
}

export class SseEncoder implements SseEvents {
  readonly own: 'frame' | undefined
  readonly #format: Format
  readonly #least: number

  /** @param least cursor that its one reader may be given. Without it, readers share their frames. */
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

/** Why a stream cannot be followed further. */
export interface SseFault {
  readonly code: string
  readonly message: string
  /** Of a stream that is gone: what took it away. */
  readonly reason?: string
  /** Of records that were trimmed: the token of the place before the first that is kept. */
  readonly first?: string
}

/** Ends the response. */
export function errorEvent(fault: SseFault): Buffer {
  return Buffer.from(`event: error\ndata:${JSON.stringify(fault)}\n\n`)
}

export const SIGN_OF_LIFE: Buffer = Buffer.from(':\n\n')

/** The reader comes back by itself, after so many seconds. */
export function retryLine(seconds: number): Buffer {
  return Buffer.from(`retry: ${Math.round(seconds * 1000)}\n\n`)
}

function dataLines(format: Format, span: Batch['span']): string {
  // Between two records of JSON, and in them, there may be line breaks.
  if (format === 'json') return `data:[${overLines(span.text ?? '')}]`
  const records = span.records as readonly Uint8Array[]
  if (format === 'apart') return `data:${JSON.stringify(records.map(base64Of))}`
  const bytes = Buffer.concat(records)
  if (format === 'base64') return `data:${base64Of(bytes)}`
  const text = bytes.toString()
  return `data:${text.startsWith(' ') ? ' ' : ''}${overLines(text)}`
}

/** One space behind the colon is not part of a line: one that begins with a space has two. */
function overLines(text: string): string {
  // Rare in JSON, and looked for in one go.
  const broken = text.includes('\n') || text.includes('\r')
  return broken ? text.replace(LINE_BREAKS, '\ndata:$1$1') : text
}

function base64Of({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
