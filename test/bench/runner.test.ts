import { expect, it } from 'vitest'
import type { Context, Group, Variant } from '../../bench/harness/load.ts'
import { NotMeasured } from '../../bench/harness/load.ts'
import { runAll } from '../../bench/harness/runner.ts'

const context: Omit<Context, 'note'> = {
  seconds: 1,
  quick: false,
  profile: undefined,
  signal: new AbortController().signal,
}

function groupOf(rounds: number, variants: readonly Variant[]): Group {
  return {
    name: 'group',
    title: 'Group',
    about: '',
    ratio: { key: 'cpu', title: 'CPU', against: 'a' },
    columns: [{ key: 'cpu', title: 'CPU', digits: 0 }],
    loads: [{ name: 'load', title: 'load', rounds, variants }],
  }
}

const nobody = { line: () => {}, now: () => {} }

it('has variants take turns, and tells the median of each figure', async () => {
  const order: string[] = []
  const variant = (name: string, ...figures: number[]): Variant => ({
    name,
    takes: () => 1,
    run: () => {
      order.push(name)
      const cpu = figures.shift() ?? 0
      return Promise.resolve({ cpu, ms: -cpu })
    },
  })
  const group = groupOf(3, [variant('a', 9, 1, 5), variant('b', 2, 2, 3)])
  const measurements = await runAll([group], context, nobody)
  expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  expect(measurements.map(({ variant: name, outcome }) => [name, outcome])).toEqual([
    ['a', { cpu: 5, ms: -5 }],
    ['b', { cpu: 2, ms: -2 }],
  ])
})

it('tells no figure of what failed in one round', async () => {
  let round = 0
  const run = (): Promise<{ cpu: number }> =>
    ++round === 2 ? Promise.reject(new NotMeasured('did not keep up')) : Promise.resolve({ cpu: 1 })
  const group = groupOf(3, [{ name: 'a', takes: () => 1, run }])
  const [measurement] = await runAll([group], context, nobody)
  expect(measurement?.outcome).toEqual({ notMeasured: 'did not keep up' })
})
