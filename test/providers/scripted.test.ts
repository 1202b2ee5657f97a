import { describe, expect, test } from 'vitest'
import { scripted } from '../../src/providers/scripted.ts'
import { collect } from '../support/collect.ts'

const { signal } = new AbortController()

describe('scripted', () => {
  test('yields a list', async () => {
    expect(await collect(scripted(['a', 'b', 'c'])({ signal }))).toEqual(['a', 'b', 'c'])
  })

  test('yields what a function says, until it says undefined', async () => {
    const squares = scripted((index) => (index < 4 ? { square: index * index } : undefined))
    expect(await collect(squares({ signal }))).toEqual([
      { square: 0 },
      { square: 1 },
      { square: 4 },
      { square: 9 },
    ])
  })

  test('can be asked any number of times', async () => {
    const provider = scripted([1, 2])
    expect(await collect(provider({ signal }))).toEqual([1, 2])
    expect(await collect(provider({ signal }))).toEqual([1, 2])
  })

  test('a stop ends the interval, and its timer', async () => {
    const stop = new AbortController()
    const events = scripted(['a', 'b'], { interval: 2_147_483 })({ signal: stop.signal })[
      Symbol.asyncIterator
    ]()
    await events.next()
    const due = events.next()
    stop.abort(new Error('Stop was pressed'))
    await expect(due).rejects.toThrow('Stop was pressed')
  })

  test('an endless script at full speed leaves the event loop its turns, and can be stopped', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')), 5)
    await expect(collect(scripted((index) => index)({ signal: stop.signal }))).rejects.toThrow('enough')
  })

  test.each([-1, Number.NaN, Infinity, 2_147_484])('refuses an interval of %s seconds', (interval) => {
    expect(() => scripted(['a'], { interval })).toThrow(
      new RangeError(`interval is ${interval}; it takes 0 to 2147483 seconds`),
    )
  })
})
