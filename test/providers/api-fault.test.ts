import { describe, expect, test } from 'vitest'
import { faultIn, faultOf } from '../../src/providers/api-fault.ts'

describe('an error is found', () => {
  const message = 'No.'
  test.each([
    ['in the member error', { error: { code: 'x', message } }, { code: 'x', message }],
    ['as text', { error: message }, { message }],
    ['in a list', [{ error: { code: 429, message } }], { code: 429, message }],
    ['in a choice', { choices: [{ error: { code: 502, message } }] }, { code: 502, message }],
    ['flat', { object: 'error', type: 'BadRequestError', code: 400, message }, { type: 'BadRequestError' }],
    ['flat, by its status alone', { code: '429', message }, { code: '429', message }],
    ['flat, as frameworks say it', { status: 401, detail: message }, { code: 401, message }],
    ['as an event', { type: 'error', code: 'server_error', message }, { code: 'server_error', message }],
    ['within an error', { error: { error: { code: 402, message } } }, { code: 402, message }],
    ['by the name of its status', { error: { status: 'UNAVAILABLE', message } }, { code: 'UNAVAILABLE' }],
    [
      'with what the service behind it said',
      { error: { code: 502, message: 'Provider returned error', metadata: { raw: message } } },
      { message: 'Provider returned error: No.' },
    ],
  ])('%s', (_, value, fault) => {
    expect(faultIn(value)).toMatchObject(fault)
  })
})

test('a list of what is wrong with a request is told as text, with the place of each', () => {
  const detail = [
    { type: 'missing', loc: ['body', 'messages', 0, 'role'], msg: 'Field required' },
    { msg: 'Extra inputs are not permitted' },
    'and more',
  ]
  expect(faultOf({ detail }).message).toBe(
    'body.messages.0.role: Field required; Extra inputs are not permitted; and more',
  )
})

describe('no error is', () => {
  test.each([
    { choices: [], error: null },
    { choices: [{ index: 0, delta: { content: 'error' } }], code: 200, message: 'ok' },
    { choices: [], error: {} },
    { message: 'hello' },
    { code: 200, message: 'ok' },
    { type: 'ping' },
    {},
    [],
    'error',
    null,
    7,
  ])('%j', (value) => {
    expect(faultIn(value)).toBeUndefined()
  })
})
