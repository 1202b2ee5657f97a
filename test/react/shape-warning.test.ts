/** What a developer is told of records in which no text is known. */
import { beforeEach, expect, it, vi } from 'vitest'
import { bundle } from '../client/bundle.ts'

const warn = vi.spyOn(console, 'warn')
let warnOfShape: (record: unknown) => void

beforeEach(async () => {
  vi.resetModules()
  ;({ warnOfShape } = await import('../../src/react/shape-warning.ts'))
  warn.mockReset().mockReturnValue(undefined)
})

it('a developer is told once of records in which no text is known, and what to do', () => {
  warnOfShape({ type: 'tool', secret: 'x' })
  warnOfShape(1)
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/\{ type, secret \} of type "tool".*text: /)]])
})

it.each([
  [null, 'null'],
  [1, 'a number'],
  [['a'], 'an array'],
  [{ piece: 'a' }, '{ piece }'],
])('records such as %j are named by their shape alone', (record, name) => {
  warnOfShape(record)
  expect(warn.mock.calls[0]?.[0]).toContain(`such as ${name}, so`)
})

it('a page in production carries no word of it', async () => {
  const words = 'no text is known'
  const load = (mode: 'production' | 'development') =>
    bundle('src/react/index.ts', { external: ['react'], mode })
  expect((await load('production')).includes(words)).toBe(false)
  expect((await load('development')).includes(words)).toBe(true)
})
