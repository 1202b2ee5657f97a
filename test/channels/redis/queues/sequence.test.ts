import { describe, expect, it } from 'vitest'
import { Sequence } from '../../../../src/channels/redis/queues/sequence.ts'

describe('what is put before a message', () => {
  it.each([1, 2, 3, 8, 12, 13, 255])('is %i bytes that grow', (length) => {
    const sequence = new Sequence(length)
    const stamps = Array.from({ length: 200 }, () => sequence.stamp(Buffer.from('text')))
    for (const stamp of stamps) {
      expect(stamp).toHaveLength(length + 4)
      expect(String(stamp.subarray(length))).toBe('text')
    }
    expect(stamps.toSorted(Buffer.compare)).toEqual(stamps)
  })

  it('begins anew when it was through', () => {
    const sequence = new Sequence(2)
    const stamps = Array.from({ length: 257 }, () => sequence.stamp(Buffer.alloc(0)))
    expect(stamps[256]).toEqual(stamps[0])
  })

  it('may be nothing', () => {
    expect(String(new Sequence(0).stamp(Buffer.from('text')))).toBe('text')
  })
})
