import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { ChannelValue } from '../../src/channels/layer.ts'
import type { ChannelError } from '../../src/channels/errors.ts'
import { copyMessage, MAX_MESSAGE_DEPTH, MAX_MESSAGE_VALUES } from '../../src/channels/message.ts'
import { messageKey } from './message-key.ts'

function copied(value: unknown): unknown {
  return copyMessage({ type: 'test', value })['value']
}

function refusal(message: unknown): ChannelError {
  try {
    copyMessage(message)
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_message' })
    return error as ChannelError
  }
  throw new Error('the message was accepted')
}

/** What is carried, and comes out as it went in. */
const carried = fc.letrec<{ value: ChannelValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double().map((number) => number + 0),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(messageKey, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

describe('a copy', () => {
  it('equals what was copied and shares nothing with it', () => {
    fc.assert(
      fc.property(carried, (value) => {
        const copy = copied(value)
        expect(copy).toEqual(value)
        expect(sharedObjects(value, copy)).toBe(0)
        // What was copied once is what every layer agrees on: a second pass changes nothing.
        expect(copied(copy)).toEqual(copy)
      }),
      { numRuns: 500 },
    )
  })

  it('throws nothing but `invalid_message`, whatever it is given', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
    })
    fc.assert(
      fc.property(anything, (message) => {
        for (const candidate of [message, { type: 'test', value: message }]) {
          try {
            copyMessage(candidate)
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_message' })
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['a frozen object', Object.freeze({ a: 1 }), { a: 1 }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    [
      'an object of another realm',
      runInNewContext('({ a: [1, { b: 2 }] })') as unknown,
      { a: [1, { b: 2 }] },
    ],
    [
      'a getter',
      {
        get a() {
          return 1
        },
      },
      { a: 1 },
    ],
    ['a member under a symbol', { [Symbol('s')]: 1, a: 1 }, { a: 1 }],
    ['a member that is not enumerable', Object.defineProperty({ a: 1 }, 'b', { value: 2 }), { a: 1 }],
    ['a list of a subclass', new (class List extends Array<number> {})(1, 2, 3), [1, 2, 3]],
    ['a Buffer', Buffer.from('ab'), new Uint8Array([97, 98])],
    ['a bigint that a number can hold', -(2n ** 53n) + 1n, -(2 ** 53) + 1],
    ['negative zero', -0, 0],
    ['half a pair', 'a\udc00', 'a\ufffd'],
  ])('makes of %s what every layer carries', (_what, value, expected) => {
    const copy = copied(value)
    expect(copy).toStrictEqual(expected)
    expect(Object.is(copy, -0)).toBe(false)
    if (typeof copy === 'object' && copy !== null) {
      expect([Object.prototype, Array.prototype, Uint8Array.prototype]).toContain(Object.getPrototypeOf(copy))
    }
  })

  it('reaches no prototype through a key', () => {
    const copy = copyMessage(JSON.parse('{"type":"test","constructor":{"prototype":{"admin":true}}}'))
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})

describe('a refusal', () => {
  class Point {
    x = 1
  }
  it.each([
    ['message.when', { when: new Date() }, 'message.when cannot be carried: it is an instance of Date'],
    ['message.a[2].b', { a: [1, 2, { b: () => 0 }] }, 'message.a[2].b cannot be carried: it is a function'],
    [
      'message["odd key"][0]',
      { 'odd key': [undefined] },
      'message["odd key"][0] cannot be carried: it is undefined',
    ],
    ['message.p', { p: new Point() }, 'message.p cannot be carried: it is an instance of Point'],
    ['message.s', { s: Symbol('x') }, 'message.s cannot be carried: it is a symbol'],
    ['message.n', { n: 2n ** 64n }, 'message.n is a bigint of more than 64 bits'],
    [
      'message.a.__proto__',
      { a: JSON.parse('{"__proto__":1}') as unknown },
      'message.a.__proto__ is a key that is not accepted',
    ],
    ['message["\\ud800"]', { '\ud800': 1 }, 'message["\\ud800"] is under a key with half a surrogate pair'],
    [
      'message.__asgi_channel__',
      { __asgi_channel__: ['a'] },
      'message.__asgi_channel__ is reserved for the layer',
    ],
    ['message.type', { type: '' }, 'message.type must be a non-empty string'],
  ])('names %s', (path, members, message) => {
    expect(refusal({ type: 'test', ...members })).toMatchObject({ path, message, code: 'invalid_message' })
  })

  it.each([
    [null, 'null'],
    [undefined, 'undefined'],
    ['text', 'a string'],
    [[], 'an array'],
    [new Map(), 'an instance of Map'],
    [Object.create({ x: 1 }), 'an instance of Object'],
  ])('says what %o is instead of a message', (message, kind) => {
    expect(refusal(message).message).toBe(`message must be a plain object, not ${kind}`)
  })

  it('cuts a path that is long', () => {
    const { path = '' } = refusal({ type: 'test', ['\ud83d\ude00'.repeat(1000)]: { x: () => 0 } })
    expect(path).toMatch(/^message\["/)
    expect(path.length).toBeLessThanOrEqual(201)
    expect(path.isWellFormed()).toBe(true)
  })

  it('meets bytes that were transferred away', () => {
    const bytes = new Uint8Array(8)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect(refusal({ type: 'test', bytes }).message).toBe('message.bytes was transferred away')
  })
})

describe('limits', () => {
  function nest(levels: number): unknown {
    let value: unknown = 0
    for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { value }
    return value
  }

  it('takes as many levels as it says, the message included', () => {
    expect(copied(nest(MAX_MESSAGE_DEPTH - 1))).toEqual(nest(MAX_MESSAGE_DEPTH - 1))
    expect(refusal({ type: 'test', value: nest(MAX_MESSAGE_DEPTH) }).message).toMatch(
      /is nested deeper than 100 levels$/,
    )
  })

  it('ends cycles, through objects and through lists', () => {
    const object: Record<string, unknown> = { type: 'test' }
    object['self'] = object
    const list: unknown[] = []
    list.push(list, list)
    expect(refusal(object).message).toMatch(/^message\.self\.self.* is nested deeper than 100 levels$/)
    expect(refusal({ type: 'test', list }).message).toMatch(
      /^message\.list\[0\]\[0\].* is nested deeper than 100 levels$/,
    )
  })

  it('takes as many values as it says, and ends a value that holds itself exponentially often', () => {
    // The type and the list are values too.
    const most = MAX_MESSAGE_VALUES - 2
    expect(copied(Array.from({ length: most }, () => 0))).toHaveLength(most)
    expect(refusal({ type: 'test', value: Array.from({ length: most + 1 }, () => 0) }).message).toContain(
      'is beyond the 1048576 values',
    )
    let value: unknown = 0
    for (let level = 0; level < 90; level++) value = [value, value]
    expect(refusal({ type: 'test', value }).message).toContain('is beyond the 1048576 values')
  })

  it('meets the first hole of a list at once, however long the list is', () => {
    const holes: unknown[] = []
    holes.length = 2 ** 32 - 1
    expect(refusal({ type: 'test', value: holes }).path).toBe('message.value[0]')
  })
})

/** Objects that both values hold. */
function sharedObjects(one: unknown, other: unknown): number {
  const seen = new Set<unknown>()
  const walk = (value: unknown, visit: (object: object) => void): void => {
    if (typeof value !== 'object' || value === null) return
    visit(value)
    for (const member of Object.values(value)) walk(member, visit)
  }
  walk(one, (object) => seen.add(object))
  let shared = 0
  walk(other, (object) => (shared += seen.has(object) ? 1 : 0))
  return shared
}
