import { describe, expect, test } from 'vitest'
import { chatOutcome, chatText } from '../../../src/providers/openai/chat-answer.ts'

function chunk(choice: object) {
  return { choices: [{ index: 0, delta: {}, finish_reason: null, ...choice }] }
}

describe('chatText', () => {
  test.each([
    [chunk({ delta: { content: 'Water' } }), 'Water'],
    [chunk({ delta: { role: 'assistant', content: '' } }), undefined],
    [chunk({ delta: { refusal: 'I cannot', content: null } }), 'I cannot'],
    [chunk({ delta: { content: 'Water', refusal: null } }), 'Water'],
    [chunk({ delta: { tool_calls: [{ index: 0, function: { arguments: '{' } }] } }), undefined],
    [{ choices: [{ index: 1, delta: { content: 'another' } }] }, undefined],
    [{ choices: [{ delta: { content: 'of a server without indexes' } }] }, 'of a server without indexes'],
    [{ choices: [], usage: { total_tokens: 1 } }, undefined],
    [
      chunk({
        delta: {
          content: [
            { type: 'text', text: 'in ' },
            { type: 'text', text: 'parts' },
          ],
        },
      }),
      'in parts',
    ],
    [chunk({ delta: { content: [{ type: 'thinking', thinking: [] }, null] } }), undefined],
    [{ choices: [null] }, undefined],
    [{ choices: null }, undefined],
    [{}, undefined],
  ])('%j', (chunk, text) => {
    expect(chatText(chunk)).toBe(text)
  })
})

describe('chatOutcome', () => {
  test.each(['stop', 'tool_calls', 'function_call', 'end_turn', 'STOP'])('completed: %s', (reason) => {
    expect(chatOutcome(chunk({ finish_reason: reason }))).toEqual({ status: 'completed' })
  })

  test.each([
    ['length', /maximum length/],
    ['max_tokens', /maximum length/],
    ['MAX_TOKENS', /maximum length/],
    ['content_filter', /content rules/],
    ['SAFETY', /content rules/],
    ['a_reason_of_tomorrow', /ended the answer here/],
  ])('incomplete: %s', (reason, sentence) => {
    expect(chatOutcome(chunk({ finish_reason: reason }))).toEqual({
      status: 'incomplete',
      reason,
      sentence: expect.stringMatching(sentence) as string,
    })
  })

  test.each([
    ['error', 'failed'],
    ['abort', 'cancelled'],
    ['insufficient_system_resource', 'unavailable'],
    ['network_error', 'unavailable'],
  ])('failed: %s', (reason, code) => {
    expect(chatOutcome(chunk({ finish_reason: reason }))).toMatchObject({ status: 'failed', code })
  })

  test.each([
    chunk({}),
    chunk({ finish_reason: '' }),
    chunk({ finish_reason: undefined }),
    { choices: [{ index: 1, finish_reason: 'stop' }] },
    {},
  ])('not yet: %j', (chunk) => {
    expect(chatOutcome(chunk)).toBeUndefined()
  })
})
