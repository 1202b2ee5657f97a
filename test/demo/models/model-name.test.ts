import { expect, test } from 'vitest'
import { readModelName } from '../../../src/demo/models/model-name.ts'

test.each([
  ['anthropic/claude-haiku-5-5', 'anthropic', 'claude-haiku-5-5'],
  ['anthropic:claude-haiku-5-5', 'anthropic', 'claude-haiku-5-5'],
  ['ollama/llama3.3:70b', 'ollama', 'llama3.3:70b'],
  ['gateway/anthropic/claude-haiku-5-5', 'gateway', 'anthropic/claude-haiku-5-5'],
  [' openai/gpt-5.5 ', 'openai', 'gpt-5.5'],
])('%j has a provider and a model', (text, provider, model) => {
  expect(readModelName(text)).toEqual({ provider, model })
})

test.each([
  ['antropic/claude-haiku-5-5', /^did you mean anthropic\/claude-haiku-5-5\?$/],
  ['gpt-5.5', /^it takes provider\/model, .*; providers are anthropic, .*openai/],
  ['anthropic/', /^it takes provider\/model/],
  ['/x', /^it takes provider\/model/],
  ['somebody-else/x', /^it takes provider\/model/],
  ['constructor/x', /^it takes provider\/model/],
  ['', /^it takes provider\/model/],
])('%j is refused', (text, message) => {
  expect(() => readModelName(text)).toThrow(message)
})
