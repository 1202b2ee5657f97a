import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FloodLog } from '../../src/logging/flood-log.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'

let logger: CollectingLogger
let floods: FloodLog

beforeEach(() => {
  vi.useFakeTimers()
  logger = collectingLogger()
  floods = new FloodLog(logger)
})
afterEach(() => void vi.useRealTimers())

it('the first of a flood is logged at once, the rest as a count every ten seconds', () => {
  for (let i = 0; i < 1000; i++) floods.warn({ i }, 'refused')
  expect(logger.entries).toEqual([{ level: 'warn', message: 'refused', fields: { i: 0 } }])
  vi.advanceTimersByTime(10_000)
  expect(logger.entries[1]).toEqual({ level: 'warn', message: 'refused', fields: { i: 999, count: 999 } })
  floods.warn({ i: 'later' }, 'refused')
  vi.advanceTimersByTime(10_000)
  expect(logger.entries[2]).toMatchObject({ fields: { i: 'later', count: 1 } })
})

it('what happens seldom is logged each time, and no timer stays', () => {
  for (let i = 0; i < 3; i++) {
    floods.warn({}, 'refused')
    vi.advanceTimersByTime(10_000)
  }
  expect(logger.entries).toHaveLength(3)
  expect(vi.getTimerCount()).toBe(0)
})

it('kinds are counted apart', () => {
  for (const message of ['one', 'two', 'one']) floods.warn({}, message)
  expect(logger.entries.map(({ message }) => message)).toEqual(['one', 'two'])
})

it('closing tells what was not told yet', () => {
  for (let i = 0; i < 3; i++) floods.warn({}, 'refused')
  floods.close()
  expect(logger.entries[1]).toMatchObject({ fields: { count: 2 } })
  expect(vi.getTimerCount()).toBe(0)
})
