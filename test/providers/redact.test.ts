import { describe, expect, test } from 'vitest'
import { redact } from '../../src/providers/redact.ts'

describe('redact', () => {
  test.each([
    ['Incorrect API key provided: sk-proj-ab12****WXYZ. See', 'Incorrect API key provided: [redacted] See'],
    ['a key sk-abcDEF_123-456 in text', 'a key [redacted] in text'],
    ['Incorrect key: mykey12************4321!', 'Incorrect key: [redacted]!'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer [redacted]'],
    ['header basic dXNlcjpwYXNz, sent', 'header basic [redacted], sent'],
    ['{"api_key": "abc123", "model": "m"}', '{"api_key": "[redacted]", "model": "m"}'],
    ['GET /v1?api-key=abc&x=1', 'GET /v1?api-key=[redacted]&x=1'],
    ['cannot reach http://me:hunter2@host/v1', 'cannot reach http://[redacted]@host/v1'],
    [
      'GET https://host/v1/m:stream?alt=sse&key=abc-DEF_1#top failed',
      'GET https://host/v1/m:stream?alt=sse&key=[redacted]#top failed',
    ],
    ['https://host/v1?sv=1&sig=a%2Fb%3D, sent', 'https://host/v1?sv=1&sig=[redacted], sent'],
    ['the key AIzaSyA1234567890abcdefg is blocked', 'the key [redacted] is blocked'],
    ['user gsk_0123456789abcdefgh, project xai-0123456789abcdef', 'user [redacted], project [redacted]'],
    ['token was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'token was [redacted]'],
    ['a sentence about keys and tokens: 5 of them', 'a sentence about keys and tokens: 5 of them'],
  ])('%s', (text, clean) => {
    expect(redact(text, [])).toBe(clean)
  })

  test('takes out the secrets it is given, of whatever shape, each time they occur', () => {
    expect(redact('x(y) or x(y)', ['x(y)'])).toBe('[redacted] or [redacted]')
  })

  test('an empty secret is none', () => {
    expect(redact('abc', [''])).toBe('abc')
  })

  test('gives one line without control characters', () => {
    expect(redact('one\r\ntwo\u001b[31m\u0000three\u0085', [])).toBe('one two [31m three')
  })

  test('shortens', () => {
    expect(redact('a'.repeat(400), [], 10)).toBe(`${'a'.repeat(9)}…`)
  })

  test('takes out a secret before shortening, so that no part of it is left', () => {
    expect(redact('123456 secretsecret', ['secretsecret'], 12)).toBe('123456 [red…')
  })

  test('stays fast on a long text that a service chose', () => {
    const hostile = `${'a'.repeat(300_000)} ${'*'.repeat(300_000)} ${'://'.repeat(100_000)} ${'bearer '.repeat(50_000)}`
    expect(redact(hostile, [])).toHaveLength(300)
  })
})
