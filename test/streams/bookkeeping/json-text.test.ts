import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isJsonText, splitJson } from '../../../src/streams/bookkeeping/json-text.ts'

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

describe('splits what has commas between', () => {
  /** What could be taken for the end of something else. */
  const text = fc.string({
    unit: fc.constantFrom(',', '"', '\\', '[', ']', '{', '}', ':', ' ', '\n', 'é', '\u2028', '😀', 'a'),
    maxLength: 12,
  })
  const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 })
  const { value } = fc.letrec<{ value: string }>((tie) => {
    const string = text.map((given) => JSON.stringify(given))
    const member = fc
      .tuple(space, string, space, tie('value'))
      .map(([a, key, b, of]) => `${a}${key}${b}:${of}`)
    const some = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
      fc.array(of, { maxLength: 4 }).map((parts) => parts.join(','))
    const flat = fc.oneof(
      string,
      fc.constantFrom('0', '-1.5e+10', 'true', 'false', 'null', '[]', '{}', '[ ]'),
    )
    const nested = fc.oneof(
      some(tie('value')).map((inside) => `[${inside}]`),
      some(member).map((inside) => `{${inside}}`),
    )
    return {
      value: fc
        .tuple(space, fc.oneof({ maxDepth: 4 }, flat, nested), space)
        .map(([before, one, after]) => before + one + after),
    }
  })

  it('whatever the values are, and as they were written', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (texts) => {
        for (const one of texts) expect(parses(one)).toBe(true)
        expect(splitJson(texts.join(','))).toEqual(texts)
      }),
      { numRuns: 500 },
    )
  })

  it('which a serialiser wrote, with and without indentation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1 }),
        fc.constantFrom(undefined, 1, '\t'),
        (values, indent) => {
          const texts = values.map((one) => JSON.stringify(one, null, indent))
          expect(splitJson(texts.join(','))).toEqual(texts)
        },
      ),
    )
  })

  it.each([
    ['one value', ['1']],
    ['a string of commas', ['",,,"', '","']],
    ['strings that end in backslashes', [String.raw`"\\"`, String.raw`"\\\\"`, String.raw`"\\\""`, '1']],
    ['brackets in strings', ['"["', '"}"', '["]",{"{":"["}]', '"{"']],
    ['an escaped quote before a comma', [String.raw`"\",\""`, '2']],
    ['a long run of backslashes', [`"${'\\\\'.repeat(5000)}"`, `"${'\\"'.repeat(5000)}"`, 'null']],
  ])('%s', (_name, texts) => {
    for (const one of texts) expect(parses(one)).toBe(true)
    expect(splitJson(texts.join(','))).toEqual(texts)
  })
})
