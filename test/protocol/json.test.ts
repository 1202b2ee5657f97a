import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { JsonError, type JsonErrorCode, parseJson } from '../../src/protocol/json.ts'

function faultOf(text: string, maxDepth?: number): JsonErrorCode | undefined {
  try {
    parseJson(text, maxDepth)
    return undefined
  } catch (error) {
    if (error instanceof JsonError) return error.code
    throw error
  }
}

/** The rule of the refused keys in other words: what an assignment of every member would set. */
function reachesPrototype(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, member]: [string, unknown]) =>
      key === '__proto__' ||
      (key === 'constructor' && Object.keys((member as object | null) ?? {}).includes('prototype')) ||
      reachesPrototype(member),
  )
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('parseJson', () => {
  it('reads what JSON.parse reads, whatever it is, or refuses a key for what it reaches', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (text) => {
        const value: unknown = JSON.parse(text)
        if (reachesPrototype(value)) expect(faultOf(text)).toBe('prototype')
        else expect(parseJson(text)).toEqual(value)
      }),
    )
  })

  it.each(['{"__proto__":0}', '{"":{"constructor":{"prototype":[]}}}'])('is held to refusing %s', (text) => {
    expect(reachesPrototype(JSON.parse(text))).toBe(true)
  })

  it('throws nothing but JsonError, whatever the text', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      '\\u',
      ':',
      ',',
      '__proto__',
      'constructor',
      'prototype',
      '1',
      'é',
      '\ud83d',
    )
    const text = fc.array(pieces, { maxLength: 120 }).map((parts) => parts.join(''))
    fc.assert(fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (input) => void faultOf(input, 20)))
  })

  it.each(['', ' ', '{', 'undefined', "{'a':1}", '[1,]', 'NaN', '01', '"\t"', '{}{}', '\ufeff{}'])(
    'refuses %j as no JSON',
    (text) => {
      expect(faultOf(text)).toBe('syntax')
    },
  )

  it('quotes nothing of the text', () => {
    expect(() => parseJson('{"password": hunter2}')).toThrow(/^Invalid JSON$/)
  })
})

describe('depth', () => {
  it('takes a hundred levels and refuses the next', () => {
    expect(faultOf(nested(100))).toBeUndefined()
    expect(faultOf(nested(101))).toBe('depth')
  })

  it('refuses a million levels of any bracket', () => {
    expect(faultOf(nested(1_000_000))).toBe('depth')
    expect(faultOf('{"a":'.repeat(1_000_000))).toBe('depth')
  })

  it('does not count brackets in strings, or behind an escaped quote', () => {
    expect(faultOf(JSON.stringify('['.repeat(1000)))).toBeUndefined()
    expect(faultOf(JSON.stringify([`\\"${'['.repeat(1000)}`]))).toBeUndefined()
    expect(faultOf(JSON.stringify(`\\${'{'.repeat(1000)}`))).toBeUndefined()
  })

  it('counts what is open at one time, not what was ever opened', () => {
    expect(faultOf(JSON.stringify(Array.from({ length: 1000 }, () => [[]])))).toBeUndefined()
  })

  it('agrees with a count of the parsed value', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 1, max: 6 }), (value, maxDepth) => {
        const text = JSON.stringify(value)
        expect(faultOf(text, maxDepth) === 'depth').toBe(depthOf(value) > maxDepth)
      }),
    )
  })
})

describe('keys that reach a prototype', () => {
  it.each([
    '{"__proto__":{"admin":true}}',
    '{"a":[{"__proto__":null}]}',
    String.raw`{"\u005f_proto__":1}`,
    String.raw`{"__pr\u006fto__":1}`,
    '{"constructor":{"prototype":{"admin":true}}}',
    String.raw`{"c\u006fnstructor":{"pr\u006ftotype":1}}`,
  ])('are refused: %s', (text) => {
    expect(faultOf(text)).toBe('prototype')
  })

  it.each([
    '{"constructor":"Renault"}',
    '{"constructor":{"name":"Lotus"}}',
    '{"prototype":1}',
    '["__proto__"]',
  ])('are not imagined: %s', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })
})

describe('half a surrogate pair', () => {
  it.each([
    String.raw`"\ud83d"`,
    String.raw`"\ude00\ud83d"`,
    String.raw`{"a":[{"b":"x\udc00"}]}`,
    String.raw`{"\ud800":1}`,
    '"\ud83d"',
    '{"\udc00":1}',
  ])('is refused: %j', (text) => {
    expect(faultOf(text)).toBe('surrogate')
  })

  it('is none when both halves are there', () => {
    expect(parseJson(String.raw`"\ud83d\ude00"`)).toBe('😀')
    expect(parseJson('"😀"')).toBe('😀')
  })
})

describe('a number too large to be kept', () => {
  it.each([
    '1e999',
    '[-1E+400]',
    '{"a":{"b":1e0000000309}}',
    `[${'9'.repeat(310)}]`,
    `${'9'.repeat(220)}e99`,
  ])('is refused: %s', (text) => expect(faultOf(text)).toBe('number'))

  it.each(['1e308', '1e-999', '"1e999"', '{"1e999":1.7976931348623157e+308}', `0.${'1'.repeat(400)}`])(
    'is not %s',
    (text) => expect(parseJson(text)).toEqual(JSON.parse(text)),
  )
})
