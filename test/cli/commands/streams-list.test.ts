import { expect, test } from 'vitest'
import { tableOf } from '../../../src/cli/commands/streams-list.ts'

const NOW = 1_800_000_000_000

test.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [3_599_000, '59 min'],
  [7_200_000, '2 h'],
  [86_400_000 * 40, '40 d'],
  // The server's clock is ahead.
  [-5000, '0 s'],
])('%d ms ago is %s', (age, shown) => {
  const stream = { id: 's', status: 'open', records: 0, createdAt: NOW - age }
  expect(tableOf([stream], NOW)[1]).toBe(`s   open    0        ${shown}`)
})

test('columns are as wide as they need to be', () => {
  const common = { status: 'completed', createdAt: NOW }
  expect(
    tableOf(
      [
        { id: 'a', records: 12_345_678, ...common },
        { id: 'longer', records: 1, ...common },
      ],
      NOW,
    ),
  ).toEqual([
    'ID      STATUS     RECORDS   AGE',
    'a       completed  12345678  0 s',
    'longer  completed  1         0 s',
  ])
})
