import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeDeltas } from '../../../src/endpoints/chat/merged-deltas.ts'

const text = (id: string, delta: string) => JSON.stringify({ type: 'text-delta', id, delta })
const merge = (...chunks: readonly string[]) =>
  mergeDeltas(chunks).map((chunk) => JSON.parse(chunk) as object)

test('deltas of one part that follow each other become one', () => {
  expect(merge(text('1', 'One'), text('1', ' two'), text('2', 'Three'), text('2', ' four'))).toEqual([
    { type: 'text-delta', id: '1', delta: 'One two' },
    { type: 'text-delta', id: '2', delta: 'Three four' },
  ])
})

test('reasoning and the input of a tool are merged, each with its own', () => {
  const reasoning = JSON.stringify({ type: 'reasoning-delta', id: '1', delta: 'x' })
  const tool = JSON.stringify({ type: 'tool-input-delta', toolCallId: '1', inputTextDelta: '{"a' })
  expect(merge(reasoning, reasoning, tool, tool, text('1', 'y'))).toEqual([
    { type: 'reasoning-delta', id: '1', delta: 'xx' },
    { type: 'tool-input-delta', toolCallId: '1', inputTextDelta: '{"a{"a' },
    { type: 'text-delta', id: '1', delta: 'y' },
  ])
})

test('a delta with anything more in it stays as it is', () => {
  const more = JSON.stringify({
    type: 'text-delta',
    id: '1',
    delta: 'a',
    providerMetadata: { x: { y: 'z' } },
  })
  const first = '{"type":"text-delta","id":"1","more":"b","delta":"c"}'
  expect(mergeDeltas([text('1', 'x'), more, text('1', 'y'), first])).toEqual([
    text('1', 'x'),
    more,
    text('1', 'y'),
    first,
  ])
})

test('a character whose halves came apart is whole', () => {
  const [high, low] = ['\ud83d', '\ude00']
  expect(merge(text('1', `a${high}`), text('1', `${low}b`))).toEqual([
    { type: 'text-delta', id: '1', delta: 'a😀b' },
  ])
})

test('whatever the chunks are, nothing is lost, added or moved', () => {
  const part = fc.constantFrom('1', 'a"b', 'c\\')
  const chunk = fc.oneof(
    fc.record({
      type: fc.constantFrom('text-delta', 'reasoning-delta'),
      id: part,
      delta: fc.string({ unit: 'binary' }),
    }),
    fc.record({ type: fc.constant('tool-input-delta'), toolCallId: part, inputTextDelta: fc.string() }),
    fc.record({
      type: fc.constant('text-delta'),
      id: part,
      delta: fc.string(),
      providerMetadata: fc.record({ x: fc.string() }),
    }),
    fc.record({ type: fc.constant('data-x'), data: fc.string() }),
  )
  fc.assert(
    fc.property(fc.array(chunk), (chunks) => {
      const merged = mergeDeltas(chunks.map((one) => JSON.stringify(one)))
      const said = spelt(merged.map((one) => JSON.parse(one) as object))
      // As texts: a comparison of so many objects takes seconds.
      expect(JSON.stringify(said)).toBe(JSON.stringify(spelt(JSON.parse(JSON.stringify(chunks)) as object[])))
    }),
    { numRuns: 50 },
  )
})

/** Each delta as one for each of its code units. */
function spelt(chunks: readonly object[]): unknown[] {
  return chunks.flatMap((chunk) => {
    const { delta, inputTextDelta, ...rest } = chunk as { delta?: string; inputTextDelta?: string }
    const words = delta ?? inputTextDelta
    if (words === undefined) return [chunk]
    return Array.from({ length: words.length }, (_, at) => ({ ...rest, unit: words[at] }))
  })
}
