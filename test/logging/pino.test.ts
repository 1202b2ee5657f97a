import { afterEach, expect, test } from 'vitest'
import { type LoggerOptions, createLogger, defaultLogger } from '../../src/logging/pino.ts'
import { type Logger, libraryLogger, shareLogger, silentLogger } from '../../src/logging/logger.ts'

const SHARED = Symbol.for('millrace.logger')

function recorded(options: LoggerOptions = {}): { logger: Logger; lines: string[] } {
  const lines: string[] = []
  const logger = createLogger({ ...options, output: { write: (line) => void lines.push(line) } })
  return { logger, lines }
}

afterEach(() => {
  Reflect.deleteProperty(globalThis, SHARED)
})

test('lines of JSON from the level up', () => {
  const { logger, lines } = recorded({ level: 'warn' })
  logger.info({}, 'no')
  logger.warn({ count: 1 }, 'yes')
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ level: 40, name: 'millrace', count: 1, msg: 'yes' }),
  ])
})

test.each([
  { headers: { cookie: 'hunter2' } },
  { scope: { headers: { authorization: 'hunter2' } } },
  { scope: { query: 'key=hunter2' } },
  { cookie: 'hunter2' },
  { request: { cookie: 'hunter2' } },
  { authorization: 'Bearer hunter2' },
  { apiKey: 'hunter2' },
  { options: { apiKey: 'hunter2', password: 'hunter2' } },
  { 'set-cookie': 'hunter2' },
])('no secret in %j', (fields) => {
  const { logger, lines } = recorded()
  logger.info(fields, 'told')
  expect(lines).toEqual([expect.stringContaining('[redacted]')])
  expect(lines[0]).not.toContain('hunter2')
})

test('an error without what a client hangs on it', () => {
  const { logger, lines } = recorded()
  const cause = Object.assign(new Error('refused'), { request: { headers: { authorization: 'hunter2' } } })
  logger.error(
    { err: Object.assign(new Error('failed', { cause }), { body: 'hunter2', code: 'E_X' }) },
    'told',
  )
  const { err } = JSON.parse(lines[0] ?? '') as { err: Record<string, string> }
  expect(err).toMatchObject({ type: 'Error', message: 'failed', code: 'E_X' })
  expect(err['stack']).toMatch(/^Error: failed\n[^]*\ncaused by: Error: refused\n/)
  expect(lines[0]).not.toContain('hunter2')
})

test('a logger that is shared is the default, for every copy of the module', () => {
  expect(defaultLogger()).not.toBe(silentLogger)
  expect(libraryLogger()).toBe(silentLogger)
  const { logger } = recorded()
  shareLogger(logger)
  expect(libraryLogger()).toBe(logger)
  shareLogger(silentLogger)
  expect(defaultLogger()).toBe(silentLogger)
  expect((globalThis as Record<symbol, unknown>)[SHARED]).toBe(silentLogger)
})
