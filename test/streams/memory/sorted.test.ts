import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareIds, Sorted } from '../../../src/streams/memory/sorted.ts'

const id = fc.integer({ min: 0, max: 3000 }).map((n) => `s${n}`)

it('holds what was added and not taken out, once, in its order, from anywhere on', () => {
  fc.assert(
    fc.property(
      fc.array(id, { maxLength: 3000, size: 'max' }),
      fc.array(id, { maxLength: 2000, size: 'max' }),
      id,
      (added, taken, from) => {
        const ids = new Sorted(compareIds)
        const model = new Set(added)
        for (const one of added) ids.add(one)
        for (const one of taken) expect(ids.delete(one)).toBe(model.delete(one))
        const all = [...model].toSorted()
        expect([...ids.from('')]).toEqual(all)
        expect([...ids.from(from)]).toEqual(all.filter((one) => one >= from))
        expect(ids.size).toBe(all.length)
      },
    ),
    { numRuns: 30 },
  )
})

it('is empty, and may be filled again', () => {
  const ids = new Sorted(compareIds)
  expect([...ids.from('')]).toEqual([])
  expect(ids.delete('a')).toBe(false)
  ids.add('b')
  expect(ids.delete('b')).toBe(true)
  for (const one of ['c', 'a', 'b', 'a']) ids.add(one)
  expect([...ids.from('aa')]).toEqual(['b', 'c'])
  ids.clear()
  expect([ids.size, ...ids.from('')]).toEqual([0])
})

it('finds its way among a hundred thousand', () => {
  const ids = new Sorted(compareIds)
  for (let n = 0; n < 100_000; n++) ids.add(String((n * 7919) % 100_000))
  expect(ids.size).toBe(100_000)
  expect(ids.from('5').next().value).toBe('5')
  expect([...ids.from('99998')]).toEqual(['99998', '99999'])
})
