import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSameJson } from '../../src/conversation/same-json.ts'

/** As it comes out of a log. */
const json = fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as unknown)
const few = fc.constantFrom(
  '1',
  '"1"',
  '[]',
  '{}',
  '[1]',
  '{"0":1}',
  '{"a":null}',
  '{"b":null}',
  'null',
  '[null]',
)

describe('a comparison of two values of JSON', () => {
  it.each([json, few.map((text) => JSON.parse(text) as unknown)])('says what node:util says', (values) => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        // JSON writes -0 as 0.
        const texts = [one, other].map((value) => JSON.parse(JSON.stringify(value)) as unknown)
        expect(isSameJson(texts[0], texts[1])).toBe(isDeepStrictEqual(texts[0], texts[1]))
        expect(isSameJson(one, structuredClone(one))).toBe(true)
      }),
    )
  })

  it('looks at no order of members', () => {
    expect(isSameJson({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true)
    expect(isSameJson([1, 2], [2, 1])).toBe(false)
  })
})
