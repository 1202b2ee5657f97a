/** So many in any minute: never more, exact about when, and bounded in what it keeps. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RateLimit } from '../../src/endpoints/rate-limit.ts'

it('as many as are allowed pass within a minute, and the next is told when it would', () => {
  let now = 1000
  const limit = new RateLimit({ clock: () => now })
  expect([limit.take('a', 3), limit.take('a', 3)]).toEqual([0, 0])
  now += 20_500
  expect(limit.take('a', 3)).toBe(0)
  expect(limit.take('a', 3)).toBe(40)
  expect(limit.take('b', 3)).toBe(0)
  now += 39_499
  expect(limit.take('a', 3)).toBe(1)
  now += 1
  expect([limit.take('a', 3), limit.take('a', 3), limit.take('a', 3)]).toEqual([0, 0, 21])
})

it('no minute, wherever it begins, sees more than are allowed, and whoever comes when told passes', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 8 }), (pauses, perMinute) => {
      let now = 0
      const limit = new RateLimit({ clock: () => now })
      const passed: number[] = []
      for (const pause of pauses) {
        now += pause
        const seconds = limit.take('a', perMinute)
        if (seconds > 0) {
          now += seconds * 1000
          expect(limit.take('a', perMinute)).toBe(0)
        }
        passed.push(now)
      }
      for (const [n, time] of passed.entries()) {
        const next = passed[n + perMinute]
        if (next !== undefined) expect(next - time).toBeGreaterThanOrEqual(60_000)
      }
    }),
  )
})

it('a limit that is lowered or lifted holds at once', () => {
  const limit = new RateLimit({ clock: () => 0 })
  for (let n = 0; n < 10; n++) expect(limit.take('a', 10)).toBe(0)
  expect(limit.take('a', 5)).toBe(60)
  expect(limit.take('a', Number.POSITIVE_INFINITY)).toBe(0)
})

it('a million strangers take no more room than some, and what is over takes none', () => {
  let now = 0
  const limit = new RateLimit({ clock: () => now, maxKeys: 100 })
  for (let n = 0; n < 1_000_000; n++) limit.take(`key ${n}`, 60)
  expect(limit.size).toBe(100)
  now += 60_000
  limit.take('last', 60)
  expect(limit.size).toBe(1)
})

it('refusals keep nothing', () => {
  const limit = new RateLimit({ clock: () => 0 })
  limit.take('a', 1)
  const before = Array.from({ length: 1000 }, () => limit.take('a', 1))
  expect(before).toEqual(before.map(() => 60))
  expect(limit.take('a', 2)).toBe(0)
})
