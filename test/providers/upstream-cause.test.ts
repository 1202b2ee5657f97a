import {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  InternalServerError,
} from 'openai'
import { describe, expect, test } from 'vitest'
import { apiError, upstreamError } from '../../src/providers/upstream-cause.ts'
import { UpstreamError } from '../../src/providers/upstream-error.ts'

describe('errors of the API', () => {
  test.each([
    [401, { code: 'invalid_api_key', type: 'invalid_request_error' }, 'key_refused'],
    [401, {}, 'key_refused'],
    [402, {}, 'quota_exhausted'],
    [403, { code: 'unsupported_country_region_territory' }, 'access_denied'],
    [403, {}, 'access_denied'],
    [404, { code: 'model_not_found', type: 'invalid_request_error' }, 'model_not_found'],
    [
      404,
      { message: 'model "llama9" not found, try pulling it first', type: 'api_error' },
      'model_not_found',
    ],
    [404, {}, 'endpoint_not_found'],
    [405, {}, 'endpoint_not_found'],
    [408, {}, 'timed_out'],
    [409, {}, 'unavailable'],
    [413, {}, 'context_too_long'],
    [429, { code: 'rate_limit_exceeded', type: 'tokens' }, 'rate_limited'],
    [429, {}, 'rate_limited'],
    [429, { code: 'insufficient_quota', type: 'insufficient_quota' }, 'quota_exhausted'],
    [429, { code: 'credit_balance_exhausted', type: 'insufficient_quota' }, 'quota_exhausted'],
    [400, { code: 'context_length_exceeded', type: 'invalid_request_error' }, 'context_too_long'],
    [400, { code: 'content_policy_violation' }, 'content_refused'],
    [400, { code: 'unsupported_parameter', type: 'invalid_request_error' }, 'bad_request'],
    [422, {}, 'bad_request'],
    [500, { type: 'server_error' }, 'unavailable'],
    [503, { code: 'server_is_overloaded' }, 'unavailable'],
    [529, {}, 'unavailable'],
    // Numbers, objects and inherited names where a code is due are no codes.
    [500, { code: 429 }, 'unavailable'],
    [500, { code: 'constructor', type: {} }, 'unavailable'],
    [undefined, { code: 'server_error' }, 'unavailable'],
    [undefined, { type: 'invalid_request_error' }, 'bad_request'],
    [undefined, {}, 'failed'],
  ])('%s %j', (status, fault, code) => {
    expect(apiError({ status, ...fault }).code).toBe(code)
  })

  test('the detail says all that helps an operator', () => {
    const fault = {
      status: 400,
      code: 'unsupported_parameter',
      param: 'temperature',
      message: 'Not supported with this model.',
      requestId: 'req_1',
    }
    expect(apiError(fault).detail).toBe(
      'HTTP 400, unsupported_parameter, parameter temperature, request req_1, Not supported with this model.',
    )
  })

  test.each([401, 403])(
    'the message of a %s is left out, for it may quote the key in a way of its own',
    (status) => {
      expect(apiError({ status, message: 'key k-e-y refused', type: 'server_error' }).detail).not.toContain(
        'k-e-y',
      )
    },
  )
})

describe('errors of the SDK', () => {
  const headers = new Headers({ 'x-request-id': 'req_1' })

  test('a status', () => {
    const body = { message: 'Incorrect API key provided: sk-abc*******xyz', code: 'invalid_api_key' }
    const error = upstreamError(new AuthenticationError(401, body, undefined, headers))
    expect(error).toMatchObject({
      code: 'key_refused',
      detail: 'HTTP 401, invalid_api_key, request req_1, Incorrect API key provided: …',
    })
  })

  test('a status with a body that is no API error: nothing of the body is kept', () => {
    const error = upstreamError(
      new InternalServerError(502, undefined, '<html>everything you sent</html>', headers),
    )
    expect(error).toMatchObject({ code: 'unavailable', detail: 'HTTP 502, request req_1' })
  })

  test('an error within a stream', () => {
    const body = { code: 'rate_limit_exceeded', message: 'Slow down.' }
    expect(upstreamError(new APIError(undefined, body, undefined, headers))).toMatchObject({
      code: 'rate_limited',
      detail: 'rate_limit_exceeded, request req_1, Slow down.',
    })
  })

  test.each([
    ['ECONNREFUSED', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['ECONNRESET', 'unreachable'],
    ['UND_ERR_CONNECT_TIMEOUT', 'unreachable'],
    ['UND_ERR_HEADERS_TIMEOUT', 'timed_out'],
    ['UND_ERR_BODY_TIMEOUT', 'stalled'],
    ['CERT_HAS_EXPIRED', 'unreachable'],
  ])('a connection: %s', (code, expected) => {
    const cause = new TypeError('fetch failed', { cause: Object.assign(new Error('deep'), { code }) })
    const error = upstreamError(new APIConnectionError({ cause }))
    expect(error.code).toBe(expected)
    expect(error.detail).toContain(code)
  })

  test('a timeout, which has an abort for a cause', () => {
    const error = new APIConnectionTimeoutError()
    error.cause = new DOMException('This operation was aborted', 'AbortError')
    expect(upstreamError(error).code).toBe('timed_out')
  })

  test('a stop', () => {
    expect(upstreamError(new APIUserAbortError()).code).toBe('stopped')
    expect(upstreamError(new DOMException('aborted', 'AbortError')).code).toBe('stopped')
  })
})

describe('anything else that is thrown', () => {
  test('ours stays as it is', () => {
    const error = new UpstreamError('cut')
    expect(upstreamError(error)).toBe(error)
  })

  test.each([undefined, null, 'text', 7])('%j', (thrown) => {
    expect(upstreamError(thrown)).toMatchObject({ code: 'unknown', detail: '' })
  })

  test('an error that quotes the header it could not send', () => {
    const thrown = new TypeError('Headers.append: "Bearer my secret\nkey" is an invalid header value.')
    expect(upstreamError(thrown, ['my secret\nkey'])).toMatchObject({
      code: 'unknown',
      detail: 'Headers.append: "Bearer [redacted]" is an invalid header value.',
    })
  })

  test('an error that is its own cause', () => {
    const thrown = new Error('round')
    thrown.cause = thrown
    expect(upstreamError(thrown)).toMatchObject({ code: 'unknown', detail: 'round' })
  })
})
