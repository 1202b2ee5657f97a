import { expect, it } from 'vitest'
import { LockTurns } from '../../../src/streams/sqlite/lock-turns.ts'

it('leaves no gap while nobody else writes, and one after each transaction while others do', () => {
  const turns = new LockTurns()
  turns.free(1000)
  expect(turns.gap(1000)).toBe(0)
  turns.shared(1001)
  expect(turns.gap(1001)).toBe(0)
  turns.free(1010)
  expect(turns.gap(1010)).toBeGreaterThan(0)
  expect(turns.gap(1020)).toBe(0)
  turns.free(2000)
  expect(turns.gap(2000)).toBe(0)
})

it('tries for the lock as often as can be at first, and never rarely', () => {
  const turns = new LockTurns()
  const pauses = [0, 100, 300, 1000, 5000].map((waited) => turns.pause(1000, 1000 + waited))
  expect(pauses[0]).toBe(1)
  expect(pauses[1]).toBe(1)
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
  // A gap is hit within some attempts, and the lock is given up after 5 s.
  expect(pauses.at(-1)).toBeLessThanOrEqual(10)
})
