import { expect, test } from 'vitest'
import { errorFields } from '../../src/logging/error-fields.ts'

test('what was thrown and is no Error', () => {
  expect(errorFields('text')).toEqual({ type: 'string', message: 'text' })
  expect(errorFields(undefined)).toEqual({ type: 'undefined', message: 'undefined' })
  expect(errorFields({ key: 'hunter2' })).toEqual({ type: 'object', message: 'an object that is no Error' })
})

test('a chain of causes that is a circle', () => {
  const first = new Error('first')
  const second = new Error('second', { cause: first })
  first.cause = second
  expect(errorFields(first).stack?.match(/caused by/g)).toHaveLength(5)
})

test('the errors that an AggregateError gathers', () => {
  const error = new AggregateError([new TypeError('one'), 'two'], 'both')
  expect(errorFields(error).stack).toMatch(/caused by: TypeError: one\n[^]*\ncaused by: two$/)
})

test('an error that hides its stack', () => {
  const error = new RangeError('bare')
  Reflect.deleteProperty(error, 'stack')
  expect(errorFields(error)).toEqual({ type: 'RangeError', message: 'bare', stack: 'RangeError: bare' })
})
