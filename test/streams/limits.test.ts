import { describe, expect, test } from 'vitest'
import { limitsOf } from '../../src/streams/options.ts'
import type { StreamLimits } from '../../src/streams/stream.ts'

const MIB = 1024 * 1024

describe('the limits of a record and an append', () => {
  test.each<[Partial<StreamLimits>, number, number]>([
    [{}, 8 * MIB, 16 * MIB],
    [{ recordBytes: MIB }, MIB, 16 * MIB],
    [{ recordBytes: 32 * MIB }, 32 * MIB, 32 * MIB],
    [{ appendBytes: 4 * MIB }, 4 * MIB, 4 * MIB],
    [{ appendBytes: 64 * MIB }, 8 * MIB, 64 * MIB],
    [{ recordBytes: MIB, appendBytes: MIB }, MIB, MIB],
  ])('move together: %j', (limits, recordBytes, appendBytes) => {
    expect(limitsOf({ limits })).toMatchObject({ recordBytes, appendBytes })
  })

  test.each([0, 4097, 1.5])('refuse an end of %s bytes: HTTP tells it in a header', (endBytes) => {
    expect(() => limitsOf({ limits: { endBytes } })).toThrow('endBytes')
  })

  test('are refused when no append holds a record', () => {
    expect(() => limitsOf({ limits: { recordBytes: 2, appendBytes: 1 } })).toThrow(
      'The limit appendBytes is 1: no append would hold a record of 2 bytes',
    )
  })
})
