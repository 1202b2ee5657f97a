import { describe, expect, test } from 'vitest'
import { answerOutcome, answerText } from '../../../src/providers/openai/answer.ts'

describe('answerText', () => {
  test.each([
    [{ type: 'response.output_text.delta', delta: 'Water' }, 'Water'],
    [{ type: 'response.refusal.delta', delta: 'I cannot' }, 'I cannot'],
    [{ type: 'response.output_text.delta', delta: '' }, ''],
    [{ type: 'response.output_text.done', text: 'Water' }, undefined],
    [{ type: 'response.reasoning_summary_text.delta', delta: 'thinking' }, undefined],
    [{ type: 'response.function_call_arguments.delta', delta: '{}' }, undefined],
    [{ type: 'response.created' }, undefined],
  ])('%j', (event, text) => {
    expect(answerText(event)).toBe(text)
  })
})

describe('answerOutcome', () => {
  test.each(['response.created', 'response.output_text.done', 'response.output_item.done', 'toString'])(
    '%s ends nothing',
    (type) => {
      expect(answerOutcome({ type })).toBeUndefined()
    },
  )

  test('completed', () => {
    expect(answerOutcome(ended('completed', { status: 'completed' }))).toEqual({ status: 'completed' })
  })

  test('completed, of a server that sends no response with it', () => {
    expect(answerOutcome({ type: 'response.completed' })).toEqual({ status: 'completed' })
  })

  test.each([
    ['max_output_tokens', /maximum length/],
    ['content_filter', /content rules/],
    ['something_new', /ended the answer here/],
  ])('incomplete: %s', (reason, sentence) => {
    expect(answerOutcome(ended('incomplete', { incomplete_details: { reason } }))).toEqual({
      status: 'incomplete',
      reason,
      sentence: expect.stringMatching(sentence) as string,
    })
  })

  test('incomplete by its status alone, and without details', () => {
    expect(answerOutcome(ended('completed', { status: 'incomplete' }))).toMatchObject({
      status: 'incomplete',
      reason: 'unknown',
    })
  })

  test.each([
    ['server_error', 'unavailable', true],
    ['rate_limit_exceeded', 'rate_limited', true],
    ['invalid_prompt', 'content_refused', false],
    ['a_code_of_tomorrow', 'failed', true],
  ])('failed: %s', (code, expected, retryable) => {
    const outcome = answerOutcome(ended('failed', { status: 'failed', error: { code, message: 'Sorry.' } }))
    expect(outcome).toMatchObject({ status: 'failed', code: expected, retryable, detail: `${code}, Sorry.` })
    expect(outcome).toHaveProperty('sentence')
  })

  test('failed, of a server that does not say why', () => {
    expect(answerOutcome({ type: 'response.failed' })).toMatchObject({
      status: 'failed',
      code: 'failed',
      detail: '',
    })
  })

  test('failed, with the key in the message', () => {
    const event = ended('failed', { error: { code: 'server_error', message: 'no such key: my secret' } })
    expect(answerOutcome(event, ['my secret'])).toMatchObject({
      detail: 'server_error, no such key: [redacted]',
    })
  })

  test('cancelled', () => {
    expect(answerOutcome(ended('cancelled', {}))).toMatchObject({ status: 'failed', code: 'cancelled' })
  })
})

function ended(how: string, response: object) {
  return { type: `response.${how}`, response }
}
