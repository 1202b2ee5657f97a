import { describe, expect, test } from 'vitest'
import { withoutEntities } from '../../web/src/chat/markdown/entities.ts'
import { safeLink } from '../../web/src/chat/markdown/links.ts'
import { asUnfinished } from '../../web/src/chat/markdown/unfinished.ts'

describe('an address of a model', () => {
  test.each([
    ['https://example.com/a?b=c', 'example.com'],
    ['http://example.com:8080', 'example.com:8080'],
    ['mailto:ann@example.com?subject=Hello', 'ann@example.com'],
    ['https://еxample.com', 'xn--xample-2of.com'],
  ])('%s may be followed, and is shown as %s', (address, target) => {
    expect(safeLink(address)?.target).toBe(target)
  })

  test.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'blob:https://example.com/1',
    'file:///etc/passwd',
    'https://bank.example@evil.example/',
    '//evil.example',
    '/api/chat',
    './x',
    'https://',
    '',
  ])('%j is followed by nobody', (address) => {
    expect(safeLink(address)).toBeUndefined()
  })
})

describe('character references', () => {
  test.each([
    ['a &amp; b &lt;c&gt;', 'a & b <c>'],
    ['&#65;&#x42;', 'AB'],
    ['&#0;&#xd800;&#9999999;', '\ufffd\ufffd\ufffd'],
    ['&nothing; &amp', '&nothing; &amp'],
  ])('%s is %s', (text, shown) => {
    expect(withoutEntities(text)).toBe(shown)
  })
})

describe('the end of a text that still comes', () => {
  test.each([
    ['Some **bold wo', 'Some **bold wo**'],
    ['Some **bold wo*', 'Some **bold wo'],
    ['Some `co', 'Some `co`'],
    ['See [the docs](https://exam', 'See the docs'],
    ['See [the do', 'See the do'],
    ['One\n-', 'One\n'],
    ['One\n2.', 'One\n'],
    ['| a | b |\n|--', '| a | b |\n'],
    ['A `code` and **bold**.', 'A `code` and **bold**.'],
    ['```ts', '```ts'],
  ])('%j is shown as %j', (source, shown) => {
    expect(asUnfinished(source)).toBe(shown)
  })
})
