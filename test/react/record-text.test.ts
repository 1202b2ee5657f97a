import { expect, it } from 'vitest'
import { recordText } from '../../src/react/index.ts'

it.each([
  ['a text', 'Hello', 'Hello'],
  ['a piece of an answer', { type: 'response.output_text.delta', delta: 'Hel' }, 'Hel'],
  ['a piece of a refusal', { type: 'response.refusal.delta', delta: 'No' }, 'No'],
  ['a piece of a message of the AI SDK', { type: 'text-delta', id: '1', delta: 'lo' }, 'lo'],
  ['a chunk of Chat Completions', { choices: [{ index: 0, delta: { content: 'Hi' } }] }, 'Hi'],
  ['a chunk with nothing in it', { choices: [] }, ''],
  ['a chunk without text', { choices: [{ delta: null }] }, ''],
  ['choices that are none', { choices: null }, ''],
  ['any other event', { type: 'response.completed', delta: 'x' }, ''],
  ['an event without its text', { type: 'text-delta' }, ''],
  ['a record of README', { delta: 'Hel' }, 'Hel'],
  ['a record with a text', { text: 'lo' }, 'lo'],
  ['a part of fullStream', { type: 'text-delta', id: '1', text: 'lo' }, 'lo'],
  ['a thought', { type: 'reasoning-delta', id: '1', text: 'Hm' }, ''],
  ['a chunk of another choice', { choices: [{ index: 1, delta: { content: 'Hi' } }] }, ''],
  ['a chunk that refuses', { choices: [{ delta: { content: null, refusal: 'No' } }] }, 'No'],
  ['a chunk of parts', { choices: [{ delta: { content: [{ type: 'text', text: 'H' }, 'i', null] } }] }, 'Hi'],
  ['a chunk of usage', { object: 'chat.completion.chunk', choices: [], usage: {} }, ''],
  ['an event of the application', { type: 'tool', delta: 'x' }, ''],
  ['a type that is none', { type: 7, delta: 'x' }, ''],
  ['null', null, ''],
  ['a number', 1, ''],
  ['a list', ['a'], ''],
])('the text of %s', (_what, record, text) => {
  expect(recordText(record)).toBe(text)
})
