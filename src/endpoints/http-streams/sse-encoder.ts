/**
 * Batches as server-sent events: `data` with an array of the records, then `control` with the places
 * before and behind them. Both carry the latter as their id, so that an EventSource goes on from there.
 */
import { Buffer } from 'node:buffer'
import type { Batch, SharedEncoder } from '../../delivery/batch.ts'
import type { Json } from '../../protocol/json.ts'
import { encodeOffset } from '../../protocol/offset.ts'
import type { Offset } from '../../protocol/offset.ts'

/** Between two records a text of JSON may have line breaks, which would end the event's line. */
const LINE_BREAKS = /\r\n|\r|\n/g

export const sseEncoder: SharedEncoder<Buffer> = {
  encode({ from, next, run, reach, end }: Batch): Buffer {
    const id = encodeOffset(next)
    const begin = encodeOffset(from)
    const upToDate = reach === 'more' ? '' : ',"upToDate":true'
    const closed = reach === 'closed' ? ',"streamClosed":true' : ''
    const how = end === undefined ? '' : `,"end":${JSON.stringify(end)}`
    const control = `{"streamNextOffset":"${id}","streamFromOffset":"${begin}"${upToDate}${closed}${how}}`
    return Buffer.from(
      `id: ${id}\nevent: data\n${dataLines(run)}\n\nid: ${id}\nevent: control\ndata: ${control}\n\n`,
    )
  },
}

/** A `control` event without records before it: at the tail. */
export function controlEvent(at: Offset): Buffer {
  return controlWith(at, {})
}

/** The same at the end of a closed stream, with what it is closed with. */
export function closedEvent(at: Offset, end: Json | undefined): Buffer {
  return controlWith(at, { streamClosed: true, ...(end !== undefined && { end }) })
}

function controlWith(at: Offset, more: { readonly [key: string]: Json }): Buffer {
  const id = encodeOffset(at)
  const data = { streamNextOffset: id, streamFromOffset: id, upToDate: true, ...more }
  return Buffer.from(`id: ${id}\nevent: control\ndata: ${JSON.stringify(data)}\n\n`)
}

/** Why a stream cannot be followed further. */
export interface SseFault {
  readonly code: string
  readonly message: string
  /** Of a stream that is gone: what took it away. */
  readonly reason?: string
}

/** Ends the response. */
export function errorEvent(fault: SseFault): Buffer {
  return Buffer.from(`event: error\ndata: ${JSON.stringify(fault)}\n\n`)
}

export const SIGN_OF_LIFE: Buffer = Buffer.from(':\n\n')

/** The reader comes back by itself, after so many seconds. */
export function retryLine(seconds: number): Buffer {
  return Buffer.from(`retry: ${Math.round(seconds * 1000)}\n\n`)
}

function dataLines(run: Batch['run']): string {
  const { text } = run
  if (text === undefined) {
    const texts = run.records.map((bytes) => Buffer.from(bytes as Uint8Array).toString('base64'))
    return `data: ${JSON.stringify(texts)}`
  }
  // Rare, and looked for in one go.
  const broken = text.includes('\n') || text.includes('\r')
  return `data: [${broken ? text.replace(LINE_BREAKS, '\ndata: ') : text}]`
}
