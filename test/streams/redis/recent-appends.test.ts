import { describe, expect, it } from 'vitest'
import { RecentAppends } from '../../../src/streams/redis/recent-appends.ts'
import type { IncarnatePlace } from '../../../src/streams/redis/state.ts'
import { checkAppend, DEFAULT_LIMITS } from '../../../src/streams/bookkeeping/requests.ts'
import type { CheckedAppend } from '../../../src/streams/bookkeeping/requests.ts'

const append = (seq: number, epoch = 1, text = 'x'): CheckedAppend =>
  checkAppend({ records: [JSON.stringify(text)], producer: { id: 'p', epoch, seq } }, DEFAULT_LIMITS)
/** Bytes that one of these counts. */
const ONE = 403
const stampOf = (position: number): string => String(position * 10)
const after = (position: number, incarnation = 'i'): IncarnatePlace => ({
  incarnation,
  at: { position, stamp: stampOf(position) },
})

function kept(count: number, options = {}): RecentAppends {
  const recent = new RecentAppends(options)
  for (let seq = 0; seq < count; seq++) recent.keep('s', append(seq), after(seq + 1), stampOf(seq + 1))
  return recent
}

describe('the last appends of a producer', () => {
  it('say which of them are lost, and where they were', () => {
    const loss = kept(5).lossAt('s', append(5), 3)
    expect(loss?.appends?.map(({ request, from, stamp }) => [request.producer?.seq, from, stamp])).toEqual([
      [3, 3, '40'],
      [4, 4, '50'],
    ])
    expect(loss?.last).toEqual(after(5))
  })

  it('are no loss when the gap is the producer’s own', () => {
    expect(kept(5).lossAt('s', append(7), 5)).toBeUndefined()
    expect(kept(5).lossAt('other', append(5), 3)).toBeUndefined()
    expect(kept(5).lossAt('s', append(5, 2), 0)).toBeUndefined()
  })

  it('are remembered up to so many bytes; what was lost before them is said to be unknown', () => {
    const recent = kept(5, { streamBytes: 2 * ONE + 1 })
    expect(recent.lossAt('s', append(5), 3)?.appends).toHaveLength(2)
    expect(recent.lossAt('s', append(5), 2)).toEqual({ appends: undefined, last: after(5) })
  })

  it('are forgotten with their stream, epoch, incarnation, or when it is closed', () => {
    const forgotten = kept(2)
    forgotten.forget('s')
    expect(forgotten.lossAt('s', append(2), 1)).toBeUndefined()
    const anew = kept(2)
    anew.keep('s', append(0, 2), after(3), stampOf(3))
    expect(anew.lossAt('s', append(1, 2), 0)?.appends).toHaveLength(1)
    const another = kept(2)
    another.keep('s', append(2), after(1, 'j'), stampOf(1))
    expect(another.lossAt('s', append(3), 1)?.appends).toBeUndefined()
    const closed = kept(2)
    closed.keep('s', { ...append(2), close: true }, after(3), stampOf(3))
    expect(closed.lossAt('s', append(3), 1)).toBeUndefined()
  })

  it('take room themselves, and with what they write over', () => {
    const recent = new RecentAppends({ streamBytes: 10 * ONE })
    for (let seq = 0; seq < 1000; seq++) recent.keep('s', append(seq), after(seq + 1), stampOf(seq + 1))
    expect(recent.lossAt('s', append(1000), 990)?.appends).toHaveLength(10)
    expect(recent.lossAt('s', append(1000), 989)?.appends).toBeUndefined()
    const metadata = '"'.padEnd(5 * ONE, 'x')
    for (let seq = 1000; seq < 1010; seq++)
      recent.keep('s', { ...append(seq), metadata }, after(seq + 1), stampOf(seq + 1))
    expect(recent.lossAt('s', append(1010), 1009)?.appends).toHaveLength(1)
    expect(recent.lossAt('s', append(1010), 1008)?.appends).toBeUndefined()
  })

  it('of each stream give up their older half before any stream is forgotten', () => {
    const recent = new RecentAppends({ bytes: 8 * ONE })
    for (let seq = 0; seq < 4; seq++)
      for (const id of ['a', 'b']) recent.keep(id, append(seq), after(seq + 1), stampOf(seq + 1))
    recent.keep('c', append(0), after(1), stampOf(1))
    for (const id of ['a', 'b']) {
      expect(recent.lossAt(id, append(4), 2)?.appends).toHaveLength(2)
      expect(recent.lossAt(id, append(4), 1)?.appends).toBeUndefined()
    }
    expect(recent.lossAt('c', append(1), 0)?.appends).toHaveLength(1)
  })

  it('of the streams that were appended to longest ago go first', () => {
    const recent = new RecentAppends({ bytes: 2 * ONE })
    const loss = (id: string): unknown => recent.lossAt(id, append(9), 0)
    for (const id of ['a', 'b', 'c', 'd']) recent.keep(id, append(0), after(1), stampOf(1))
    expect(['a', 'b', 'c', 'd'].map((id) => loss(id) !== undefined)).toEqual([false, false, true, true])
  })
})
