/** What a value is, in words: for errors about one that is not what it should be. */

/** `a promise`, `an array`, `an instance of Map`, `a string`; the value itself is not quoted. */
export function described(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'undefined'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Promise) return 'a promise'
  if (typeof value !== 'object') return `a ${typeof value}`
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an instance of ${name}` : 'an object'
}
