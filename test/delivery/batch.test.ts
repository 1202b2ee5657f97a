/** A run behaves as the plain list of its records, however they came. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Span } from '../../src/delivery/batch.ts'
import type { Told } from '../../src/delivery/batch.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'

const json = fc.oneof(
  fc.json(),
  fc.string().map((text) => JSON.stringify(text)),
)
const texts = fc.array(json, { minLength: 1, maxLength: 6 })
const bytes = fc.array(fc.uint8Array({ maxLength: 6 }), { minLength: 1, maxLength: 6 })

/** As a store tells of them: with their text or without. */
const toldText: fc.Arbitrary<Told> = fc
  .tuple(texts, fc.boolean())
  .map(([records, hasText]) => (hasText ? { records, json: Buffer.from(records.join(',')) } : { records }))
const toldBytes: fc.Arbitrary<Told> = bytes.map((records) => ({ records }))
const tolds = fc.oneof(
  fc.array(toldText, { minLength: 1, maxLength: 6 }),
  fc.array(toldBytes, { minLength: 1, maxLength: 6 }),
)

function expectSame(span: Span, records: readonly StreamRecord[]): void {
  expect(span.length).toBe(records.length)
  expect(span.records).toEqual(records)
  expect(span.text).toBe(typeof records[0] === 'string' ? records.join(',') : undefined)
  // Asked for again, and after the text was made.
  expect(span.text).toBe(typeof records[0] === 'string' ? records.join(',') : undefined)
  expect(span.records).toEqual(records)
}

const sizeOf = (records: readonly StreamRecord[]): number =>
  records.reduce((sum, record) => sum + record.length, 0)

describe('a run', () => {
  it('is the records it was made of, joined at once or one after the other', () => {
    fc.assert(
      fc.property(tolds, fc.boolean(), (pieces, atOnce) => {
        const spans = pieces.map((piece) => Span.of(piece))
        const records = pieces.flatMap((piece) => piece.records)
        const whole = atOnce ? Span.join(spans) : spans.reduce((all, next) => all.concat(next))
        expectSame(whole, records)
        for (const [index, span] of spans.entries()) expectSame(span, pieces[index]!.records)
      }),
    )
  })

  it('has the size of its records, and of the commas in text that came in one piece', () => {
    fc.assert(
      fc.property(tolds, (pieces) => {
        const expected = pieces.map(({ records, json }) => json?.length ?? sizeOf(records))
        const whole = Span.join(pieces.map((piece) => Span.of(piece)))
        expect(whole.size).toBe(expected.reduce((sum, size) => sum + size))
      }),
    )
  })

  it('is sliced as a list is, before and after its text was made', () => {
    fc.assert(
      fc.property(tolds, fc.nat(40), fc.option(fc.nat(40)), fc.boolean(), (pieces, first, last, isRead) => {
        const records = pieces.flatMap((piece) => piece.records)
        const whole = Span.join(pieces.map((piece) => Span.of(piece)))
        if (isRead) expectSame(whole, records)
        const from = first % records.length
        const to = last === null ? undefined : from + 1 + (last % (records.length - from))
        const part = whole.slice(from, to)
        expectSame(part, records.slice(from, to))
        expect(part.size).toBe(sizeOf(records.slice(from, to)))
        expectSame(whole, records)
      }),
    )
  })

  it('looks at no record of text that a store has, until somebody does', () => {
    let looked = 0
    const lazy = (text: string): Told => ({
      json: Buffer.from(text),
      get records() {
        looked++
        return text.split(',')
      },
    })
    const span = Span.of(lazy('1,2'), 2).concat(Span.of(lazy('3'), 1))
    expect([span.length, span.size, span.text, looked]).toEqual([3, 4, '1,2,3', 0])
    expect([span.records, looked]).toEqual([['1', '2', '3'], 2])
  })
})
