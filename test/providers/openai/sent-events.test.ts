import { describe, expect, test } from 'vitest'
import { SentEvents } from '../../../src/providers/openai/sent-events.ts'
import type { SentEvent } from '../../../src/providers/openai/sent-events.ts'

/** The events of a body that comes in these parts. */
function events(...parts: readonly string[]): SentEvent[] {
  const sent = new SentEvents()
  return [...parts.flatMap((part) => sent.push(part)), ...sent.end()]
}

function data(...parts: readonly string[]): string[] {
  return events(...parts).map((event) => event.data)
}

describe('events', () => {
  const body = ': hi\n\nevent: a\ndata: 1\n\ndata:2\ndata: 3\n\nid: 7\nretry: 1\ndata\n\n'

  test.each(['\n', '\r\n', '\r'])('end lines with %j', (end) => {
    expect(events(body.replaceAll('\n', end))).toEqual([
      { event: 'a', data: '1', bare: false, unfinished: false },
      { event: '', data: '2\n3', bare: false, unfinished: false },
      { event: '', data: '', bare: false, unfinished: false },
    ])
  })

  test('are the same however the body is cut', () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = body.replaceAll('\n', end)
      expect(events(...text.split(''))).toEqual(events(text))
    }
  })

  test('may lack the blank line at the end of the body', () => {
    expect(events('data: 1\n\ndata: [DONE]').at(-1)).toEqual({
      event: '',
      data: '[DONE]',
      bare: false,
      unfinished: true,
    })
    expect(data('data: 1\n')).toEqual(['1'])
    expect(data('event: a')).toEqual([])
  })

  test('of megabytes come as quickly as small ones', () => {
    const part = 'x'.repeat(16 * 1024)
    const parts = Array.from({ length: 1024 }, () => part)
    expect(data('data: ', ...parts, '\n\n')[0]).toHaveLength(16 * 1024 * 1024)
  })

  test('that do not end are refused', () => {
    const sent = new SentEvents()
    const part = `data: ${'x'.repeat(1024 * 1024)}\n`
    expect(() => {
      for (let i = 0; i < 65; i++) sent.push(part)
    }).toThrow(expect.objectContaining({ code: 'bad_answer' }))
  })
})

describe('JSON without data:', () => {
  test('is the whole body', () => {
    expect(events('{\n  "error": {}\n}\n')).toEqual([
      { event: '', data: '{\n  "error": {}\n}', bare: true, unfinished: true },
    ])
  })

  test('stands between events', () => {
    expect(events('data: 1\n{"error": 2}\ndata: 3\n\n').map(({ data, bare }) => [data, bare])).toEqual([
      ['1', false],
      ['{"error": 2}', true],
      ['3', false],
    ])
  })
})
