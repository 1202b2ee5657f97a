import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Block } from '../../web/src/chat/markdown/block.ts'
import { BlockReader } from '../../web/src/chat/markdown/block-reader.ts'

/** All blocks of a text, the open one included. */
function blocksOf(text: string, reader = new BlockReader()): Block[] {
  const { sections, last, open } = reader.read(text)
  return [...sections.flat(), ...last, ...(open ? [open] : [])]
}

function sourcesOf(text: string): string[] {
  return blocksOf(text).map((block) => (block.kind === 'code' ? block.pieces.join('') : block.source))
}

describe('a text is cut', () => {
  test.each<[string, string, string[]]>([
    ['between paragraphs', 'One\ntwo\n\nThree\n', ['One\ntwo\n', 'Three\n']],
    ['before and after a heading', 'One\n# Two\nThree', ['One\n', '# Two\n', 'Three']],
    ['not before the line under a heading', 'One\n---\nTwo', ['One\n---\nTwo']],
    [
      'before a list, which goes on over blank lines',
      'One\n- a\n\n- b\n\nTwo\n',
      ['One\n', '- a\n\n- b\n\n', 'Two\n'],
    ],
    ['not inside of an item', '1. a\n\n   more\n2. b\n', ['1. a\n\n   more\n2. b\n']],
    ['where the marker of a list is another', '- a\n1. b\n', ['- a\n', '1. b\n']],
    ['before a quote', 'One\n> two\n> three\n\nFour', ['One\n', '> two\n> three\n', 'Four']],
    ['around code', 'One\n```ts\na\n\n# b\n```\nTwo', ['One\n', 'a\n\n# b\n', 'Two']],
    ['before a table', 'One\n| a |\n|---|\n| 1 |\n\nTwo', ['One\n', '| a |\n|---|\n| 1 |\n', 'Two']],
    ['nowhere in a table without pipes at its sides', 'a | b\n--|--\n1 | 2\n', ['a | b\n--|--\n1 | 2\n']],
  ])('%s', (_, text, sources) => {
    expect(sourcesOf(text)).toEqual(sources)
  })

  test('code knows its language, and ends with a fence that is long enough', () => {
    expect(blocksOf('````TS x\na\n```\nb\n````\n')).toEqual([
      { kind: 'code', language: 'ts', pieces: ['a\n```\nb\n'] },
    ])
  })

  test('the spaces that a fence was moved in by are not of the code', () => {
    expect(blocksOf('  ```\n  a\n    b\n  ```')).toEqual([
      { kind: 'code', language: '', pieces: ['a\n  b\n'] },
    ])
  })

  test('a line of marks at the end of open code may be its end, and is not shown', () => {
    expect(blocksOf('```\na\n``')).toEqual([{ kind: 'code', language: '', pieces: ['a\n'] }])
  })
})

describe('every block is bounded', () => {
  const most = 25_000
  test.each<[string, string]>([
    ['a line of megabytes', `a\n\n${'x'.repeat(3_000_000)}\nb`],
    ['50,000 items', '- an item\n'.repeat(50_000)],
    ['50,000 numbered items with blank lines', '1. an item\n\n'.repeat(50_000)],
    ['one item without end', `- a\n${'  more of it\n'.repeat(50_000)}`],
    ['a table of 20,000 rows', `| a | b |\n|---|---|\n${'| 1 | 2 |\n'.repeat(20_000)}`],
    ['a paragraph of many lines', 'some words\n'.repeat(50_000)],
    ['a quote of many lines', '> some words\n'.repeat(50_000)],
    ['a row of megabytes', `| a | b |\n|---|---|\n|${'x'.repeat(1_000_000)}`],
  ])('%s', (_, text) => {
    for (const source of sourcesOf(text)) expect(source.length).toBeLessThan(most)
  })

  test('endless code is one block of many pieces', () => {
    const code = 'const a = 1\n'.repeat(50_000)
    const [block, ...others] = blocksOf(`\`\`\`js\n${code}`)
    if (block?.kind !== 'code') throw new Error('no code')
    expect(others).toEqual([])
    expect(block.pieces.join('')).toBe(code)
    for (const piece of block.pieces) expect(piece.length).toBeLessThan(most)
  })

  test('a line of megabytes loses no character, and no pair of surrogates is cut', () => {
    const line = '😀'.repeat(200_001)
    const sources = sourcesOf(`x${line}`)
    expect(sources.join('')).toBe(`x${line}`)
    for (const source of sources) expect(source.isWellFormed()).toBe(true)
  })

  test('each part of a long table has the header, and a list goes on with its numbers', () => {
    const table = sourcesOf(`| a |\n|---|\n${'| 1 |\n'.repeat(5_000)}`)
    expect(table.length).toBeGreaterThan(1)
    for (const part of table) expect(part).toMatch(/^\| a \|\n\|---\|\n\| 1 \|/)
    const items = Array.from({ length: 3_000 }, (_, index) => `${index + 1}. item\n`).join('')
    const lists = sourcesOf(items)
    expect(lists.length).toBeGreaterThan(1)
    expect(lists.join('')).toBe(items)
  })
})

const pieces = fc.array(
  fc.constantFrom(
    'a',
    ' ',
    '\n',
    '\n\n',
    '- ',
    '1. ',
    '# ',
    '```',
    '```ts\n',
    '|',
    '|-|\n',
    '> ',
    '---',
    '\r\n',
    '  ',
  ),
  { maxLength: 60 },
)

describe('a text that grows', () => {
  test('has the blocks that it has when it is read at once, however it came', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const reader = new BlockReader()
        let text = ''
        for (const part of parts) {
          text += part
          expect(blocksOf(text, reader)).toEqual(blocksOf(text))
        }
      }),
    )
  })

  test('keeps the objects of blocks that are finished', () => {
    const reader = new BlockReader()
    const text = 'One.\n\n'.repeat(100)
    const before = reader.read(text).sections
    const after = reader.read(`${text}Two.`).sections
    expect(before.length).toBeGreaterThan(3)
    expect(after.slice(0, 3).every((section, index) => section === before[index])).toBe(true)
  })

  test('is read anew when it does not go on as it was', () => {
    const reader = new BlockReader()
    reader.read('One\n\nTwo\n\n')
    expect(blocksOf('Three\n\n', reader)).toEqual([{ kind: 'markdown', source: 'Three\n' }])
  })
})
