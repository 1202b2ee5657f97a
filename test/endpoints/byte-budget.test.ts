import { expect, it } from 'vitest'
import { ByteBudget } from '../../src/endpoints/byte-budget.ts'

it('what is spent comes back over a minute, for each key on its own', () => {
  let now = 1000
  const budget = new ByteBudget({ clock: () => now })
  expect([budget.wait('a', 60), budget.spend('a', 60, 59), budget.spend('a', 60, 31)]).toEqual([0, 0, 0])
  // 90 of 60: nothing is left until more than 30 came back.
  expect([budget.wait('a', 60), budget.spend('a', 60, 1), budget.wait('b', 60)]).toEqual([30, 30, 0])
  now += 29_000
  expect(budget.wait('a', 60)).toBe(1)
  now += 1000
  expect(budget.wait('a', 60)).toBe(1)
  now += 1000
  expect([budget.spend('a', 60, 1), budget.wait('a', 60)]).toEqual([0, 1])
  expect(budget.spend('c', Number.POSITIVE_INFINITY, 1e12)).toBe(0)
})

it('keeps what has not come back alone, and a number of keys', () => {
  let now = 0
  const budget = new ByteBudget({ clock: () => now, maxKeys: 3 })
  for (const key of ['a', 'b', 'c', 'd']) budget.spend(key, 60, 60)
  expect([budget.size, budget.wait('a', 60), budget.wait('d', 60)]).toEqual([3, 0, 1])
  now += 120_000
  budget.spend('e', 60, 1)
  expect(budget.size).toBe(1)
})
