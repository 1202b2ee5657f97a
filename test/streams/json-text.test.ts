import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isJsonText } from '../../src/streams/json-text.ts'

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

it('takes what a serialiser writes', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => isJsonText(JSON.stringify(value))))
})

it('says what the parser says of a text that was damaged', () => {
  const damage = fc.record({
    at: fc.nat(),
    cut: fc.nat(2),
    put: fc.constantFrom('', ...'{}[]",:\\u0e.-+ \n\0'.split('')),
  })
  const flat = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)))
  fc.assert(
    fc.property(flat, damage, (value, { at, cut, put }) => {
      const text = JSON.stringify(value)
      const index = at % (text.length + 1)
      const damaged = text.slice(0, index) + put + text.slice(index + cut)
      expect(isJsonText(damaged)).toBe(parses(damaged))
    }),
    { numRuns: 2000 },
  )
})

it.each([
  ['a number with a leading zero', '{"a":01}', false],
  ['a number without digits', '{"a":-}', false],
  ['a fraction without digits', '{"a":1.}', false],
  ['an exponent', '{"a":1e+5,"b":-0.5E-3}', true],
  ['a tab inside a string', '{"a":"\t"}', false],
  ['an escape that is none', String.raw`{"a":"\x"}`, false],
  ['half an escape of a character', String.raw`{"a":"\u12"}`, false],
  ['every escape', String.raw`{"a":"\"\\\/\b\f\n\r\t\u00e9"}`, true],
  ['a comma at the end', '{"a":1,}', false],
  ['nothing', '', false],
  ['white space', ' {"a": 1} ', true],
  ['an object in an object', '{"a":{"b":[1,{}]}}', true],
  ['two values', '{"a":1}{"b":2}', false],
  ['a line break behind it', '{"a":1}\n', true],
  ['a quotation mark too few', `{"a":"${'x'.repeat(900)}`, false],
  ['a long text', `{"a":"${'x'.repeat(5000)}"}`, true],
  ['a long text that is none', `{"a":"${'x'.repeat(5000)}`, false],
])('judges %s', (_name, text, verdict) => {
  expect(isJsonText(text)).toBe(verdict)
})
