import { expect, it } from 'vitest'
import { isStamp } from '../../src/protocol/offset.ts'
import { Stamps } from '../../src/streams/incarnation.ts'

const DRAWN = 5000

function drawn(): { readonly texts: readonly string[]; readonly numbers: readonly number[] } {
  const stamps = new Stamps()
  const texts: string[] = []
  const numbers = Array.from({ length: DRAWN }, () => {
    texts.push(stamps.next())
    return stamps.number
  })
  return { texts, numbers }
}

it('draws stamps that are the text of a number of 31 bits', () => {
  const { texts, numbers } = drawn()
  expect(texts).toEqual(numbers.map(String))
  expect(texts.filter((text) => !isStamp(text))).toEqual([])
  expect(Math.max(...numbers)).toBeLessThan(2 ** 31)
})

it('draws no stamp of a thousand twice, and others than somebody else', () => {
  const { texts } = drawn()
  expect(new Set(texts.slice(0, 1000)).size).toBe(1000)
  // At the same position: two meet in one of two thousand million.
  const others = drawn().texts
  expect(texts.filter((text, n) => text === others[n])).toEqual([])
})
