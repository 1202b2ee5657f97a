import { expect, it } from 'vitest'
import { SettledClock } from '../../../src/streams/bookkeeping/settled-clock.ts'

const MINUTE = 60_000

/** Looks once a minute, at a clock that gains so much between two looks. */
function looks(count: number, gains: (n: number) => number): boolean[] {
  let wall = 1e12
  let monotonic = 5
  const clock = new SettledClock({ monotonic: () => monotonic })
  return Array.from({ length: count }, (_, n) => {
    monotonic += MINUTE
    wall += MINUTE + gains(n)
    return clock.isSettled(wall)
  })
}

it('settles ten minutes after it is first looked at', () => {
  expect(looks(12, () => 0)).toEqual([...Array<boolean>(10).fill(false), true, true])
})

it.each([
  ['ahead', MINUTE],
  ['back', -MINUTE],
  ['ahead by two days', 172_800_000],
])('is unsettled for ten minutes by a jump %s', (_where, jump) => {
  const settled = looks(30, (n) => (n === 15 ? jump : 0))
  expect(settled.slice(10, 15)).not.toContain(false)
  expect(settled.slice(15, 25)).not.toContain(true)
  expect(settled.slice(25)).not.toContain(false)
})

it('stays settled while it is slewed, and while a look takes a moment', () => {
  expect(looks(200, (n) => 30 + (n % 2 === 0 ? 400 : -400)).slice(10)).not.toContain(false)
})

it('never settles while it jumps at each look', () => {
  expect(looks(60, (n) => (n % 2 === 0 ? MINUTE : -MINUTE))).not.toContain(true)
})

it('refuses a time that is none', () => {
  expect(() => new SettledClock({ settle: -1 })).toThrow('settle')
  expect(() => new SettledClock({ settle: Number.NaN })).toThrow('settle')
})
