import { expect, it } from 'vitest'
import { nearest } from '../../src/protocol/nearest.ts'

const OPTIONS = [
  'routes',
  'fetch',
  'authenticate',
  'authenticateTimeout',
  'origins',
  'leaseTtl',
  'encryptionKeys',
]

it.each([
  ['routez', 'routes'],
  ['Routes', 'routes'],
  ['route', 'routes'],
  ['rotues', 'routes'],
  ['authentication', 'authenticate'],
  ['auth', 'authenticate'],
  ['authenticateTimeoutMs', 'authenticateTimeout'],
  ['leaseTTL', 'leaseTtl'],
  ['lease_ttl', 'leaseTtl'],
  ['symmetric_encryption_keys', 'encryptionKeys'],
  ['orgins', 'origins'],
])('takes %s for %s', (name, meant) => {
  expect(nearest(name, OPTIONS)).toBe(meant)
})

it.each([['port'], ['x'], [''], ['a'.repeat(100_000)]])('takes %.10s for none of them', (name) => {
  expect(nearest(name, OPTIONS)).toBeUndefined()
})

it('takes the first of two that are equally near', () => {
  expect(nearest('rub', ['run', 'rum'])).toBe('run')
})

it('finds nothing among none', () => {
  expect(nearest('routes', [])).toBeUndefined()
})
