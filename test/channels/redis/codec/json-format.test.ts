import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyMessage } from '../../../../src/channels/message.ts'
import { MessageCodec } from '../../../../src/channels/redis/codec/codec.ts'
import { Fernet } from '../../../../src/channels/redis/codec/fernet.ts'
import { messageKey } from '../../message-key.ts'

const codec = new MessageCodec(undefined, 'json')

function sealed(message: Record<string, unknown>, receivers?: string | string[]): Buffer {
  return codec.seal(codec.members(codec.copy(copyMessage(message))), receivers)
}

describe('a message in JSON', () => {
  it('comes out of its envelope as it went in', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, false, 2 ** 53, 2 ** 64, -1e20, 1e21, 5e-324),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.maxSafeInteger(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.string({ unit: 'binary' }),
        fc.array(tie('value')),
        fc.dictionary(messageKey, tie('value')),
      ),
    })).value
    fc.assert(
      fc.property(fc.dictionary(messageKey, value), (members) => {
        const message = copyMessage({ ...members, type: 'test' })
        expect(codec.open(sealed({ ...message }, ['a', 'b']))).toEqual({ receivers: ['a', 'b'], message })
        expect(codec.open(sealed({ ...message }, 'a'))).toEqual({ receivers: ['a'], message })
        expect(codec.open(sealed({ ...message }))).toEqual({ receivers: undefined, message })
      }),
      { numRuns: 200 },
    )
  })

  it('is text that anybody can read, with integers and floats told apart', () => {
    const message = { type: 'test', list: [1, 0.5, 2 ** 53, 2n ** 53n, 1e21, 'hé 😀'], none: undefined }
    expect(String(sealed(message, ['a']))).toBe(
      '{"type":"test","list":[1,0.5,9007199254740992.0,9007199254740992,1e+21,"hé 😀"],"__asgi_channel__":["a"]}',
    )
  })

  it('may be encrypted', () => {
    const secret = new MessageCodec(new Fernet(['secret'], undefined), 'json')
    const token = secret.seal(secret.members({ type: 'test' }))
    expect(secret.open(token).message).toEqual({ type: 'test' })
    expect(() => codec.open(token)).toThrow('it is not JSON')
  })

  it.each([
    ['{"type":"t","v":NaN}', 'it is not JSON'],
    ['{"type":"t","secret":"xyzzy', 'it is not JSON'],
    ['', 'it is not JSON'],
    ['[]', 'it is no map'],
    ['7', 'it is no map'],
    ['null', 'it is no map'],
    ['{}', 'message.type must be a non-empty string'],
    ['{"type":"t","__proto__":{}}', 'message.__proto__ is a key that is not accepted'],
    ['{"type":"t","v":18446744073709551616}', 'message.v is a bigint of more than 64 bits'],
    [`{"type":"t","v":${'['.repeat(200)}${']'.repeat(200)}}`, /is nested deeper than 100 levels/],
  ])('that is none is refused: %s', (text, reason) => {
    const open = (): unknown => codec.open(Buffer.from(text))
    expect(open).toThrow(reason)
    expect(open).not.toThrow('xyzzy')
  })

  it('is refused, however deep, without an end of the process', () => {
    const text = `{"type":"t","v":1234567890123456,"deep":${'['.repeat(1e6)}${']'.repeat(1e6)}}`
    expect(() => codec.open(Buffer.from(text))).toThrow(/is nested deeper|it is not JSON/)
  })

  it('has half an emoji of Python made whole', () => {
    expect(codec.open(Buffer.from(String.raw`{"type":"t","v":"a\ud83d"}`)).message).toEqual({
      type: 't',
      v: 'a\ufffd',
    })
  })
})
