import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTarget, withoutRootPath } from '../../../src/server/request/request-target.ts'

describe('parseTarget', () => {
  it.each([
    ['/', { path: '/', search: '', host: undefined }],
    ['/a/b?c=d?e', { path: '/a/b', search: '?c=d?e', host: undefined }],
    ['/a?b=../c', { path: '/a', search: '?b=../c', host: undefined }],
    ['//a', { path: '//a', search: '', host: undefined }],
    ['/..a/b../c..d/...', { path: '/..a/b../c..d/...', search: '', host: undefined }],
    ['http://a.example:1/b?c', { path: '/b', search: '?c', host: 'a.example:1' }],
    ['HTTPS://a.example', { path: '/', search: '', host: 'a.example' }],
    ['http://a.example?b', undefined],
  ])('reads %s', (target, parsed) => {
    expect(parseTarget(target)).toEqual(parsed)
  })

  it.each([
    '',
    '*',
    'a',
    '?a',
    'ftp://a/b',
    '/a#b',
    '/..',
    '/a/../b',
    '/a/.',
    '/%2e',
    '/%2E%2e/a',
    '/a/.%2e/b',
    '/a\\b',
    '/a b',
    '/a\tb',
    '/\u0000',
  ])('takes %j for none', (target) => {
    expect(parseTarget(target)).toBeUndefined()
  })

  it('takes no path that a URL reads differently', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '\\',
      'a',
      'é',
      '?',
      '#',
      ' ',
      '\t',
      ';',
      '@',
      ':',
      '"',
      '%',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const target = `/${pieces.join('')}`
        const parsed = parseTarget(target)
        if (!parsed) return
        const url = new URL(`http://localhost${target}`)
        expect([url.host, unescaped(url.pathname)]).toEqual(['localhost', unescaped(parsed.path)])
      }),
      { numRuns: 1000 },
    )
  })
})

/** The bytes a path stands for, one character each: without its well-formed escapes. */
function unescaped(path: string): string {
  const bytes = Buffer.from(path).toString('latin1')
  return bytes.replaceAll(/%[\da-f]{2}/gi, (escape) =>
    String.fromCodePoint(Number.parseInt(escape.slice(1), 16)),
  )
}

describe('withoutRootPath', () => {
  it.each([
    ['/app/ws', '/app', '/ws'],
    ['/app', '/app', '/'],
    ['/app/', '/app', '/'],
    ['/apple', '/app', '/apple'],
    ['/ws', '/app', '/ws'],
    ['/ws', '', '/ws'],
  ])('of %s under "%s" leaves %s', (path, rootPath, rest) => {
    expect(withoutRootPath(path, rootPath)).toBe(rest)
  })
})
