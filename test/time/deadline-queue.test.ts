import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeadlineQueue } from '../../src/time/deadline-queue.ts'

describe('a deadline queue', () => {
  it('gives what is due, the oldest first, once', () => {
    const queue = new DeadlineQueue<string>(100)
    queue.add('a', 0)
    queue.add('b', 50)
    expect(queue.take(99, 10)).toEqual([])
    expect(queue.take(150, 10)).toEqual(['a', 'b'])
    expect(queue.take(1000, 10)).toEqual([])
  })

  it('starts the time of what is added again anew', () => {
    const queue = new DeadlineQueue<string>(100)
    queue.add('a', 0)
    queue.add('b', 10)
    queue.add('a', 60)
    expect(queue.take(110, 10)).toEqual(['b'])
    expect(queue.take(160, 10)).toEqual(['a'])
  })

  it('gives no more than it is asked for, and keeps the rest', () => {
    const queue = new DeadlineQueue<number>(0)
    for (let i = 0; i < 5; i++) queue.add(i, 0)
    expect(queue.take(0, 2)).toEqual([0, 1])
    expect(queue.take(0, 10)).toEqual([2, 3, 4])
  })

  it('knows what it holds', () => {
    const queue = new DeadlineQueue<string>(100)
    queue.add('a', 0)
    expect(queue.has('a')).toBe(true)
    queue.delete('a')
    queue.delete('a')
    expect([queue.has('a'), queue.take(1000, 10)]).toEqual([false, []])
  })

  it('agrees with a list that is sorted anew each time', () => {
    const step = fc.tuple(fc.constantFrom('add', 'delete', 'take'), fc.nat({ max: 9 }), fc.nat({ max: 30 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new DeadlineQueue<number>(50)
        let model: { item: number; due: number }[] = []
        let now = 0
        for (const [act, item, elapsed] of steps) {
          now += elapsed
          if (act === 'take') {
            const due = model.filter((entry) => entry.due <= now)
            const taken = due.slice(0, 3)
            expect(queue.take(now, 3)).toEqual(taken.map((entry) => entry.item))
            model = model.filter((entry) => !taken.includes(entry))
          } else {
            model = model.filter((entry) => entry.item !== item)
            queue.delete(item)
            if (act === 'add') {
              model.push({ item, due: now + 50 })
              queue.add(item, now)
            }
          }
        }
      }),
    )
  })
})
