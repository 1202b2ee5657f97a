import { expect, test } from 'vitest'
import type { ChatChunk } from '../../../src/providers/openai/chat-answer.ts'
import { ChatEnd } from '../../../src/providers/openai/chat-end.ts'

function piece(content: string, finish_reason: string | null = null, index = 0): ChatChunk {
  return {
    choices: [{ index, delta: content === '' ? {} : { content }, finish_reason }],
  } as unknown as ChatChunk
}

const role = { choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: 'stop' }] }

test.each<[string, ChatChunk[], string]>([
  ['nothing', [], ''],
  ['a piece', [piece('a')], ''],
  ['a piece, and the reason', [piece('a'), piece('', 'stop')], 'said saidOnce certain'],
  ['a piece, and the reason with the last one', [piece('a'), piece('b', 'stop')], 'said saidOnce certain'],
  ['a piece, and an empty reason', [piece('a'), piece('', '')], ''],
  ['one piece with the reason', [piece('a', 'stop')], 'said saidOnce'],
  ['the reason alone', [piece('', 'stop')], 'said saidOnce'],
  ['the reason on every piece', [piece('a', 'stop'), piece('b', 'stop')], 'said'],
  ['the reason on every chunk', [role as unknown as ChatChunk, piece('a', 'stop')], 'said'],
  ['a piece behind the reason', [piece('a'), piece('', 'stop'), piece('b')], ''],
  ['one of two choices', [piece('a'), piece('', 'stop')], ''],
])('%s', (name, chunks, expected) => {
  const end = new ChatEnd(name === 'one of two choices' ? 2 : 1)
  for (const chunk of chunks) end.take(chunk)
  const known = (['said', 'saidOnce', 'certain'] as const).filter((what) => end[what])
  expect(known.join(' ')).toBe(expected)
})
