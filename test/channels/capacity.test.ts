import { expect, it } from 'vitest'
import { capacityRule } from '../../src/channels/capacity.ts'

/** Channels that a pattern gives a capacity of its own. */
function matched(pattern: string | RegExp, channels: readonly string[]): string[] {
  const capacityOf = capacityRule(1, [[pattern, 2]])
  return channels.filter((channel) => capacityOf(channel) === 2)
}

it.each([
  ['work', ['work'], ['works', 'my-work', 'WORK']],
  ['work.*', ['work.', 'work.mail', 'work.a!b'], ['work', 'workXa']],
  ['*', ['a', 'a!b'], []],
  ['w?rk', ['work', 'w.rk'], ['wrk', 'woork']],
  ['[ab]x', ['ax', 'bx'], ['cx', 'abx', '[ab]x']],
  ['[a-c]x', ['bx'], ['dx', '-x']],
  ['[!a]x', ['bx', '!x'], ['ax', 'x']],
  ['specific.*!*', ['specific.1!2'], ['specific.1', 'specificX1!2']],
  ['a.b', ['a.b'], ['aXb']],
  ['a+(b|c)$', [], ['ab', 'aab']],
  ['[a', ['[a'], ['a']],
])('the glob %s matches %j and not %j', (glob, matching, others) => {
  expect(matched(glob, [...matching, ...others])).toEqual(matching)
})

it.each([
  [/^log\.\d+$/, ['log.1', 'log.22'], ['log.x', 'a.log.1']],
  [/log/, ['a.log.1', 'log'], ['work']],
  [/LOG/i, ['log'], ['work']],
])('the expression %s matches %j and not %j', (expression, matching, others) => {
  expect(matched(expression, [...matching, ...others])).toEqual(matching)
})

it.each([/log/g, /log/y, /log/gy])('%s remembers nothing between channels', (expression) => {
  expect(matched(expression, ['log', 'log', 'log', 'log'])).toHaveLength(4)
  expect(expression.lastIndex).toBe(0)
})

it('takes the first pattern that matches, and the usual capacity without one', () => {
  const capacityOf = capacityRule(7, { 'a*': 1, 'ab*': 2, '*c': 3 })
  expect(['ab', 'bc', 'b', 'ac'].map(capacityOf)).toEqual([1, 3, 7, 1])
})

it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number])(
  'refuses the capacity %s',
  (capacity) => {
    expect(() => capacityRule(capacity)).toThrow(
      `capacity must be a positive integer (messages), not ${capacity}`,
    )
    expect(() => capacityRule(1, [[/x/, capacity]])).toThrow(
      'channelCapacity of /x/ must be a positive integer',
    )
  },
)
