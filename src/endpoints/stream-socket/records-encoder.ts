/** Batches as `records` frames. The texts of the records are put in as they are, unparsed. */
import { Buffer } from 'node:buffer'
import { TextFrame } from '../../consumers/text-frame.ts'
import type { Batch, SharedEncoder } from '../../delivery/batch.ts'
import { encodeOffset } from '../../protocol/offset.ts'

/** One for all sockets: its identity is what makes them share frames. */
export const recordsEncoder: SharedEncoder<TextFrame> = {
  encode({ stream, from, next, run }: Batch): TextFrame {
    const place = `"from":"${encodeOffset(from)}","offset":"${encodeOffset(next)}"`
    const head = `{"type":"records","stream":${JSON.stringify(stream)},${place}`
    if (run.json) return new TextFrame(`${head},"records":[`, run.json, ']}')
    if (run.text !== undefined) return new TextFrame(`${head},"records":[${run.text}]}`)
    const texts = run.records.map((bytes) => `"${Buffer.from(bytes as Uint8Array).toString('base64')}"`)
    return new TextFrame(`${head},"encoding":"base64","records":[${texts.join(',')}]}`)
  },
}
