import fc from 'fast-check'
import { posix, win32 } from 'node:path'
import { describe, expect, it } from 'vitest'
import { matchPattern, parsePattern, splitPath } from '../../src/routing/pattern.ts'

/** The parameters with which a path matches a pattern; undefined when it does not. */
function match(pattern: string, path: string, prefix = false): Record<string, unknown> | undefined {
  const found = matchPattern(parsePattern(pattern), splitPath(path), prefix)
  return found && { ...found.params }
}

describe('a literal', () => {
  it('matches itself, with or without a slash at either end', () => {
    for (const pattern of ['/ws/openai/', '/ws/openai', 'ws/openai']) {
      expect(match(pattern, '/ws/openai/')).toEqual({})
      expect(match(pattern, '/ws/openai')).toEqual({})
    }
    expect(match('/', '/')).toEqual({})
    expect(match('', '/')).toEqual({})
  })

  it.each(['/', '/ws', '/ws/openai/x', '/ws//openai', '/WS/openai', '/ws/openai%2f', '/wsx/openai'])(
    'does not match %s',
    (path) => {
      expect(match('/ws/openai/', path)).toBeUndefined()
    },
  )

  it('is the same escaped or not', () => {
    expect(match('/café/a b', '/caf%C3%A9/a%20b')).toEqual({})
    expect(match('/caf%C3%A9/a%20b', '/café/a%20b')).toEqual({})
    expect(match('/%3Aname', '/:name')).toEqual({})
  })
})

describe('a parameter', () => {
  it('takes one segment, decoded', () => {
    expect(match('/chat/:room/', '/chat/a%20b/')).toEqual({ room: 'a b' })
    expect(match('/chat/:room', '/chat/a%2Fb')).toEqual({ room: 'a/b' })
    expect(match('/:a/:b', '/1/2')).toEqual({ a: '1', b: '2' })
  })

  it.each(['/chat', '/chat/', '/chat//', '/chat/a/b', '/chat/%', '/chat/%zz', '/chat/%ff', '/chat/%C3'])(
    'does not take %s',
    (path) => {
      expect(match('/chat/:room', path)).toBeUndefined()
    },
  )

  it.each([
    ['int', '0', 0],
    ['int', '0042', 42],
    ['int', '9007199254740991', Number.MAX_SAFE_INTEGER],
    ['slug', 'A-b_9', 'A-b_9'],
    ['uuid', 'F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['str', '9', '9'],
  ])('of type %s takes %s', (type, text, value) => {
    expect(match(`/:x{${type}}`, `/${text}`)).toEqual({ x: value })
  })

  it.each([
    ['int', '-1'],
    ['int', '1.5'],
    ['int', '1e3'],
    ['int', '0x10'],
    ['int', '9007199254740992'],
    ['int', '٣'],
    ['int', '1%0a'],
    ['slug', 'a.b'],
    ['slug', 'é'],
    ['uuid', 'f81d4fae7dec11d0a76500a0c91e6bf6'],
  ])('of type %s does not take %s', (type, text) => {
    expect(match(`/:x{${type}}`, `/${text}`)).toBeUndefined()
  })

  it('may have any name and is only ever a value', () => {
    expect(match('/:__proto__/:constructor', '/a/b')).toEqual(
      JSON.parse('{"__proto__":"a","constructor":"b"}'),
    )
    const found = matchPattern(parsePattern('/:x'), ['1'])
    expect(found && Object.getPrototypeOf(found.params)).toBeNull()
  })
})

describe('the rest', () => {
  it('takes what is left, possibly nothing', () => {
    expect(match('/files/*path', '/files/a/b%20c')).toEqual({ path: 'a/b c' })
    expect(match('/files/*path', '/files')).toEqual({ path: '' })
    expect(match('/*', '/x')).toEqual({ rest: 'x' })
  })

  it.each([
    '/files/../etc',
    '/files/a/..',
    '/files/.',
    '/files/..%2fetc',
    '/files/%2e%2e/etc',
    '/files/a%5C..%5Cb',
    '/files/%',
    '/files//etc/passwd',
    '/files/%2Fetc/passwd',
    '/files/%2fetc%2fpasswd',
    '/files/%5C%5Chost%5Cshare',
    '/files/C:/secrets',
    '/files/c%3Asecrets',
    '/files/a%00.png',
  ])('never leaves its folder: %s', (path) => {
    expect(match('/files/*path', path)).toBeUndefined()
  })

  it('stays in its folder through path.resolve, whatever was sent', () => {
    const pieces = [
      '..',
      '.',
      '/',
      '%2F',
      '%5C',
      '\\',
      '%2e%2E',
      'a',
      'C:',
      '%3A',
      '%00',
      '%252F',
      '~',
      'b c',
    ]
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (sent) => {
        const rest = match('/files/*path', `/files/${sent}`)?.['path']
        if (typeof rest !== 'string') return
        expect(posix.resolve('/srv/files', rest)).toMatch(/^\/srv\/files(?:$|\/)/)
        expect(win32.resolve('D:\\files', rest)).toMatch(/^D:\\files(?:$|\\)/)
        expect(rest).not.toContain('\0')
      }),
      { numRuns: 2000 },
    )
  })

  it('takes colons and slashes that lead nowhere: /files/a/b:c', () => {
    expect(match('/files/*path', '/files/a%2Fb:c//d')).toEqual({ path: 'a/b:c//d' })
  })

  it.each(['/files/..a', '/files/a..b/c', '/files/.hidden', '/files/...'])(
    'takes dots that are part of a name: %s',
    (path) => {
      expect(match('/files/*path', path)).toEqual({ path: path.slice('/files/'.length) })
    },
  )
})

describe('a prefix', () => {
  it('leaves the remaining segments', () => {
    const pattern = parsePattern('/teams/:team')
    expect(matchPattern(pattern, splitPath('/teams/a/chat/b/'), true)?.remaining).toEqual(['chat', 'b'])
    expect(matchPattern(pattern, splitPath('/teams/a'), true)?.remaining).toEqual([])
    expect(matchPattern(pattern, splitPath('/teams'), true)).toBeUndefined()
  })
})

describe('parsePattern', () => {
  it.each([
    ['/:a/:a', 'two parameters are named "a"'],
    ['/:', 'not a parameter such as'],
    ['/:1a', 'not a parameter such as'],
    ['/:a{int', 'not a parameter such as'],
    ['/:a{}', 'not a parameter such as'],
    ['/:a{float}', 'not a type of parameter (str, int, slug, uuid)'],
    ['/:a{toString}', 'not a type of parameter'],
    ['/a*', 'neither literal nor a parameter'],
    ['/{a}', 'neither literal nor a parameter'],
    ['/a?b', 'neither literal nor a parameter'],
    ['/a#b', 'neither literal nor a parameter'],
    ['/*rest/more', 'must come last'],
    ['/100%', 'malformed escape'],
  ])('refuses %s, naming it and the reason', (source, reason) => {
    expect(() => parsePattern(source)).toThrow(TypeError)
    expect(() => parsePattern(source)).toThrow(`Route ${source}`)
    expect(() => parsePattern(source)).toThrow(reason)
  })
})

it('no path throws, whatever it holds', () => {
  const patterns = ['/', '/a/:b', '/:a{int}/:b{slug}', '/:id{uuid}', '/*rest', '/a/*'].map(parsePattern)
  const path = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.webPath(),
    fc.stringMatching(/^(\/|%[0-9a-f]{0,2}|\.|a){0,20}$/),
  )
  fc.assert(
    fc.property(path, fc.boolean(), (text, prefix) => {
      for (const pattern of patterns) matchPattern(pattern, splitPath(text), prefix)
    }),
  )
})

it('what a path was built from comes back', () => {
  const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(value, fc.maxSafeNat(), (name, id) => {
      expect(match('/a/:name/:id{int}', `/a/${encodeURIComponent(name)}/${id}`)).toEqual({ name, id })
    }),
  )
})
