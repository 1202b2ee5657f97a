import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GroupTable } from '../../../src/channels/local/group-table.ts'

it('gives the members in the order they joined, while their time lasts', () => {
  const table = new GroupTable()
  table.add('group', 'a', 10)
  table.add('group', 'b', 20)
  table.add('group', 'c', 30)
  table.add('group', 'a', 25)
  expect([...table.members('group', 15)]).toEqual(['a', 'b', 'c'])
  expect([...table.members('group', 20)]).toEqual(['a', 'c'])
  expect(table.memberships).toBe(2)
  expect([...table.members('nobody', 0)]).toEqual([])
})

it('lets a member be discarded while the members are told', () => {
  const table = new GroupTable()
  for (const channel of ['a', 'b', 'c']) table.add('group', channel, 10)
  const told: string[] = []
  for (const channel of table.members('group', 0)) {
    told.push(channel)
    table.leaveAll('b')
  }
  expect(told).toEqual(['a', 'c'])
})

const GROUPS = ['g', 'h', 'i']
const CHANNELS = ['a', 'b', 'c']
const step = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    group: fc.constantFrom(...GROUPS),
    channel: fc.constantFrom(...CHANNELS),
    lasts: fc.nat(9),
  }),
  fc.record({
    kind: fc.constant('discard' as const),
    group: fc.constantFrom(...GROUPS),
    channel: fc.constantFrom(...CHANNELS),
  }),
  fc.record({ kind: fc.constant('leaveAll' as const), channel: fc.constantFrom(...CHANNELS) }),
  fc.record({ kind: fc.constant('dropExpired' as const) }),
  fc.record({ kind: fc.constant('members' as const), group: fc.constantFrom(...GROUPS) }),
)

it('agrees with a list of pairs, and holds nothing beside them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new GroupTable()
      let pairs: { group: string; channel: string; until: number }[] = []
      for (const [now, action] of steps.entries()) {
        switch (action.kind) {
          case 'add': {
            const { group, channel, lasts } = action
            table.add(group, channel, now + lasts)
            const known = pairs.find((pair) => pair.group === group && pair.channel === channel)
            if (known) known.until = now + lasts
            else pairs.push({ group, channel, until: now + lasts })
            break
          }
          case 'discard':
            table.discard(action.group, action.channel)
            pairs = pairs.filter((pair) => pair.group !== action.group || pair.channel !== action.channel)
            break
          case 'leaveAll':
            table.leaveAll(action.channel)
            pairs = pairs.filter((pair) => pair.channel !== action.channel)
            break
          case 'dropExpired':
            table.dropExpired(now)
            pairs = pairs.filter((pair) => pair.until > now)
            break
          case 'members':
            pairs = pairs.filter((pair) => pair.group !== action.group || pair.until > now)
            expect([...table.members(action.group, now)]).toEqual(
              pairs.filter((pair) => pair.group === action.group).map((pair) => pair.channel),
            )
        }
        expect(table.memberships).toBe(pairs.length)
        expect(table.channels).toBe(new Set(pairs.map((pair) => pair.channel)).size)
        expect(table.size).toBe(new Set(pairs.map((pair) => pair.group)).size)
      }
      for (const channel of CHANNELS) table.leaveAll(channel)
      expect([table.size, table.memberships]).toEqual([0, 0])
    }),
    { numRuns: 1000 },
  )
})
