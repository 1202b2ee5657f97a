import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode, HttpError, forbidden, unauthenticated } from '../../src/protocol/errors.ts'

describe('the registry', () => {
  it.each(Object.entries(ERRORS))(
    '%s has a status of an error and a sentence',
    (code, { status, message }) => {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(600)
      expect(message).toMatch(/^[A-Z].*\.$/)
    },
  )
})

describe('HttpError', () => {
  it('takes status and message from the registry', () => {
    const error = new HttpError('route_not_found')
    expect(error).toMatchObject({
      code: 'route_not_found',
      status: 404,
      message: ERRORS.route_not_found.message,
    })
  })

  it('becomes a response that is not kept', async () => {
    const response = new HttpError('method_not_allowed', 'PUT is not answered here.', {
      Allow: 'GET',
    }).toResponse()
    expect(response.status).toBe(405)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('allow')).toBe('GET')
    expect(await response.json()).toEqual({
      error: { code: 'method_not_allowed', message: 'PUT is not answered here.' },
    })
  })

  it.each([{ 'x-user': 'a\r\nset-cookie: b=c' }, { 'x-user': 'a\nb' }, { 'x user': 'a' }, { 'x-user': '☃' }])(
    'takes no header that would break out of its line: %j',
    (headers) => {
      expect(() => new HttpError('forbidden', 'No.', headers as unknown as Record<string, string>)).toThrow(
        TypeError,
      )
    },
  )

  it('has a short form for hooks', () => {
    expect(unauthenticated()).toMatchObject({ status: 401, message: ERRORS.unauthenticated.message })
    expect(forbidden('Members only.')).toMatchObject({ status: 403, message: 'Members only.' })
  })
})

it('every code can be made into an error', () => {
  const codes = Object.keys(ERRORS) as ErrorCode[]
  expect(codes.map((code) => new HttpError(code).body.error.code)).toEqual(codes)
})
