import { decode, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyMessage } from '../../../../src/channels/message.ts'
import { MessageCodec } from '../../../../src/channels/redis/codec/codec.ts'
import { Fernet } from '../../../../src/channels/redis/codec/fernet.ts'
import { Sequence } from '../../../../src/channels/redis/queues/sequence.ts'
import { messageKey } from '../../message-key.ts'

const codec = new MessageCodec()

function sealed(message: Record<string, unknown>, receivers?: string | string[]): Buffer {
  return codec.seal(codec.members(copyMessage(message)), receivers)
}

describe('a message', () => {
  it('comes out of its envelope as it went in', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, false),
        fc.double(),
        fc.maxSafeInteger(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.string({ unit: 'binary' }),
        fc.uint8Array(),
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
      { numRuns: 100 },
    )
  })

  it.each([1, 14, 15, 16, 17, 65_535, 65_536])('may have %i members', (count) => {
    const message = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [i === 0 ? 'type' : `m${i}`, 'x']),
    )
    expect(codec.open(sealed(message, 'a')).message).toEqual(message)
    expect(decode(sealed(message, ['a']))).toEqual({ ...message, __asgi_channel__: ['a'] })
  })

  it('has integers where Python expects integers, and floats where it expects floats', () => {
    const hex = (value: unknown): string => {
      const bytes = sealed({ type: 't', v: value })
      return bytes.subarray(bytes.indexOf('v') + 1).toString('hex')
    }
    expect(hex(2 ** 32)).toBe('cf0000000100000000')
    expect(hex(-(2 ** 31) - 1)).toBe('d3ffffffff7fffffff')
    expect(hex([{ deep: [2 ** 53 - 1] }])).toBe(`9181a46465657091cf001fffffffffffff`)
    expect(hex(0.5)).toBe('cb3fe0000000000000')
    expect(hex(2 ** 53)).toBe('cb4340000000000000')
    expect(hex(new Uint8Array([1]))).toBe('c40101')
    expect(hex('a')).toBe('a161')
  })
})

describe('an envelope', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no msgpack', Buffer.from([0xc1])],
    ['a list', Buffer.from(encode([1]))],
    ['a text', Buffer.from(encode('type'))],
    ['a cut map', Buffer.from(encode({ type: 'test', text: 'long enough' })).subarray(0, -3)],
    ['more than one value', Buffer.concat([encode({ type: 'test' }), encode(1)])],
    ['no type', Buffer.from(encode({ text: 'x' }))],
    ['a type that is no text', Buffer.from(encode({ type: 7 }))],
    ['a key __proto__', Buffer.from('82a474797065a174a95f5f70726f746f5f5f80', 'hex')],
    ['a key __proto__ in bytes', Buffer.from('82a474797065a174c4095f5f70726f746f5f5f80', 'hex')],
    ['a key that is a list', Buffer.from('82a474797065a1749180c0', 'hex')],
    ['a hundred levels and more', Buffer.from(`82a474797065a174a176${'91'.repeat(200_000)}c0`, 'hex')],
    ['a list longer than itself', Buffer.from('82a474797065a174a176ddffffffff', 'hex')],
  ])('with %s is refused', (_, bytes) => {
    expect(() => codec.open(bytes)).toThrow(Error)
    // And the next one is read.
    expect(codec.open(sealed({ type: 'test' })).message).toEqual({ type: 'test' })
  })

  it('takes an extension as its bytes', () => {
    expect(codec.open(Buffer.from('82a474797065a174a176d6ff00000001', 'hex')).message).toEqual({
      type: 't',
      v: new Uint8Array([0, 0, 0, 1]),
    })
  })

  it('is encrypted as a whole', () => {
    const secret = new MessageCodec(new Fernet(['secret'], 60))
    const token = secret.seal(secret.members({ type: 'test', text: 'hello' }), 'channel')
    expect(token.toString()).toMatch(/^gAAAAA[\w-]+=*$/)
    expect(secret.open(token)).toEqual({ receivers: ['channel'], message: { type: 'test', text: 'hello' } })
    expect(() => codec.open(token)).toThrow(Error)
    expect(() => secret.open(sealed({ type: 'test' }))).toThrow('not encrypted')
  })
})

it('what is in front of messages counts up, and differs between processes', () => {
  const [one, other] = [new Sequence(), new Sequence()]
  const message = Buffer.from('same')
  const stamps = Array.from({ length: 1000 }, () => one.stamp(message))
  expect(stamps).toEqual(stamps.toSorted(Buffer.compare))
  expect(new Set(stamps.map((stamp) => stamp.toString('hex'))).size).toBe(1000)
  expect(stamps[0]?.subarray(12)).toEqual(message)
  expect(stamps[0]?.subarray(0, 12)).not.toEqual(other.stamp(message).subarray(0, 12))
})
