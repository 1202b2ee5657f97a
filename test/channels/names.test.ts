import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { ChannelError } from '../../src/channels/errors.ts'
import {
  checkChannelName,
  checkGroupName,
  isSpecific,
  processId,
  specificChannel,
} from '../../src/channels/names.ts'

function refusal(check: () => void): string {
  try {
    check()
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_name' })
    return (error as ChannelError).message
  }
  throw new Error('the name was accepted')
}

describe('a channel name', () => {
  it.each([
    'a',
    'work.mail',
    'a!',
    'a!b',
    'A_b-c.9!_-.',
    'x'.repeat(99),
    `specific.${'0'.repeat(32)}!${'f'.repeat(32)}`,
  ])('%s is valid', (name) => expect(() => checkChannelName(name)).not.toThrow())

  // Python's `$` also matches before a last newline; a name with one never gets here.
  it.each(['', '!', '!a', 'a!b!', 'a b', 'a\n', 'a!b\n', 'caf\u00e9', 'a\u0660', 'x'.repeat(100)])(
    '%j is not',
    (name) => {
      expect(refusal(() => checkChannelName(name))).toContain(
        'A channel name is 1 to 99 ASCII letters, digits',
      )
    },
  )

  it.each([undefined, null, 7, ['a'], { toString: () => 'a' }])('%o is not', (name) => {
    expect(refusal(() => checkChannelName(name))).toMatch(/this is of type (undefined|null|number|object)$/)
  })

  it('is as its rule says, for any text', () => {
    const likely = fc.string({
      unit: fc.constantFrom('a', 'Z', '5', '-', '_', '.', '!', ' ', '\n', '\u00e9'),
      maxLength: 8,
    })
    fc.assert(
      fc.property(likely, (name) => {
        const [head = '', ...tails] = name.split('!')
        const plain = (text: string): boolean => text.split('').every((unit) => 'aZ5-_.'.includes(unit))
        const valid = head !== '' && plain(head) && tails.length <= 1 && tails.every(plain)
        if (valid) checkChannelName(name)
        else refusal(() => checkChannelName(name))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a group name', () => {
  it.each(['a', 'chat_7', '.', '-', 'x'.repeat(99)])('%s is valid', (name) => {
    expect(() => checkGroupName(name)).not.toThrow()
  })

  it.each(['', 'a!', 'a!b', 'a/b', 'a\n', 'x'.repeat(100), undefined])('%j is not', (name) => {
    expect(refusal(() => checkGroupName(name))).toContain('A group name is 1 to 99 ASCII letters, digits')
  })
})

describe('a refusal', () => {
  it('shows what it refused, escaped', () => {
    expect(refusal(() => checkGroupName('a\u001b[31m"b'))).toMatch(/this is "a\\u001b\[31m\\"b"$/)
  })

  it('is short for a long name', () => {
    const message = refusal(() => checkChannelName('x'.repeat(1_000_000)))
    expect(message).toMatch(/this is 1000000 characters long$/)
  })

  it('has a stable code', () => {
    expect(() => checkGroupName('')).toThrow(
      expect.objectContaining({ code: 'invalid_name', name: 'ChannelError' }) as Error,
    )
  })
})

describe('a new channel', () => {
  it('is named as channels_redis names it', () => {
    const process = processId()
    expect(process).toMatch(/^[0-9a-f]{32}$/)
    expect(specificChannel('specific', process)).toMatch(new RegExp(`^specific\\.${process}![0-9a-f]{32}$`))
  })

  it('is specific to its process, and has a valid name with the longest prefix', () => {
    const channel = specificChannel('x'.repeat(33), processId())
    checkChannelName(channel)
    expect(channel).toHaveLength(99)
    expect(isSpecific(channel)).toBe(true)
    expect(isSpecific('work')).toBe(false)
  })

  it.each(['', 'x'.repeat(34), 'a!', 'a b'])('refuses the prefix %j', (prefix) => {
    expect(refusal(() => specificChannel(prefix, processId()))).toContain(
      'The prefix of a new channel is 1 to 33',
    )
  })
})
