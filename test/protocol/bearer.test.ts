import { expect, it } from 'vitest'
import { bearerProtocol, bearerToken } from '../../src/protocol/bearer.ts'

const requestWith = (headers: Record<string, string>): Request => new Request('http://server/', { headers })

it.each(['a', 'ab', 'abc', 'eyJhbGciOiJFUzI1NiJ9.e30.c-_x', 'Zwölf Boxkämpfer+/=', '🌊'])(
  'the token %s comes through the subprotocols of a handshake, which are tokens of HTTP',
  (token) => {
    const protocol = bearerProtocol(token)
    expect(protocol).toMatch(/^[\w.-]+$/)
    const headers = { 'sec-websocket-protocol': `millrace.v1, ${protocol}` }
    expect(bearerToken(requestWith(headers))).toBe(token)
  },
)

it.each([
  [{ authorization: 'Bearer abc' }, 'abc'],
  [{ authorization: 'bearer  abc' }, 'abc'],
  [{ authorization: 'Bearer abc', 'sec-websocket-protocol': bearerProtocol('other') }, 'abc'],
  [{ authorization: 'Basic eDp5', 'sec-websocket-protocol': bearerProtocol('abc') }, 'abc'],
  [{ authorization: 'Basic eDp5' }, undefined],
  [{ authorization: 'Bearer ' }, undefined],
  [{ authorization: 'Bearer a b' }, undefined],
  [{ 'sec-websocket-protocol': 'millrace.v1' }, undefined],
  [{ 'sec-websocket-protocol': 'millrace.bearer.' }, undefined],
  [{ 'sec-websocket-protocol': 'millrace.bearer.!!' }, undefined],
  [{ 'sec-websocket-protocol': 'millrace.bearer._w' }, undefined],
  [{}, undefined],
])('the token of a request with %j is %j', (headers, token) => {
  expect(bearerToken(requestWith(headers as Record<string, string>))).toBe(token)
})
