/** From bodies to records: what a body can cost. That bodies become the right records, the rules of the endpoint say. */
import { Buffer } from 'node:buffer'
import { expect, it } from 'vitest'
import { recordsIn } from '../../src/endpoints/http/writes/record-body.ts'
import { DEFAULT_LIMITS } from '../../src/streams/bookkeeping/requests.ts'

/** Half a second, for what takes a few milliseconds, and took many minutes where it took the square of the spaces. */
it('white space in a body costs by its length', { timeout: 500 }, () => {
  const spaces = ' \t\r\n'.repeat(250_000)
  for (const value of [`{${spaces}}`, `"${' '.repeat(1_000_000)}"`, `[1${spaces}2]`]) {
    expect(recordsIn(Buffer.from(`${spaces}${value}${spaces}`), 'application/json', DEFAULT_LIMITS)).toEqual([
      value.startsWith('[') ? value.slice(1, -1) : value,
    ])
  }
  const apart = `[${spaces}1${spaces},${spaces}{}${spaces}]`
  expect(recordsIn(Buffer.from(apart), 'application/json', DEFAULT_LIMITS)).toEqual(['1', '{}'])
})
