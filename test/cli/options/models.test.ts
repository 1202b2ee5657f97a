import { expect, test } from 'vitest'
import { checkModel, modelSettings } from '../../../src/cli/options/models.ts'
import type { ModelSettings } from '../../../src/cli/options/models.ts'
import { readSettings } from '../../../src/cli/options/read-settings.ts'

const defaults = { modelStartTimeout: 60, modelStallTimeout: 60, runSilence: 300, runThinking: 3600 }

test.each<[ModelSettings, Partial<ModelSettings>]>([
  [{}, {}],
  [{ modelStallTimeout: 200 }, { modelStallTimeout: 200 }],
  // A run is more patient than what it waits for.
  [{ modelStallTimeout: 600 }, { modelStallTimeout: 600, runSilence: 660 }],
  [{ modelStartTimeout: 900 }, { modelStartTimeout: 900, runSilence: 960 }],
  [{ runSilence: 30 }, { runSilence: 30 }],
  [
    { runSilence: 700, modelStallTimeout: 600 },
    { runSilence: 700, modelStallTimeout: 600 },
  ],
  [{ runThinking: 7200 }, { runThinking: 7200 }],
])('%j', (settings, expected) => {
  expect(modelSettings(settings)).toEqual({ ...defaults, ...expected })
})

test.each<[ModelSettings, RegExp]>([
  [{ runSilence: 300, modelStallTimeout: 600 }, /^--run-silence is shorter than --model-stall-timeout/],
  [{ runSilence: 300, modelStartTimeout: 600 }, /^--run-silence is shorter than --model-start-timeout/],
  [{ runThinking: 60 }, /^--run-thinking is shorter than --run-silence/],
  [{ runThinking: 600, modelStallTimeout: 600 }, /^--run-thinking is shorter than --run-silence/],
])('times that do not go together are refused: %j', (settings, message) => {
  expect(() => modelSettings(settings)).toThrow(message)
})

test('an application says them itself', () => {
  expect(() => modelSettings({ runSilence: 10 }, 'app.ts')).toThrow(/^--run-silence is for the demo/)
  expect(modelSettings({}, 'app.ts')).toEqual(defaults)
})

test('each has its variable, and what is no time is refused', () => {
  const environment = { MILLRACE_RUN_SILENCE: '600', MILLRACE_MODEL_STALL_TIMEOUT: '500.5' }
  expect(readSettings({}, environment)).toMatchObject({ runSilence: 600, modelStallTimeout: 500.5 })
  for (const value of ['0', '-1', 'soon', '1e9', '2147484']) {
    expect(() => readSettings({ '--run-silence': value }, {})).toThrow(/^--run-silence is .*it takes seconds/)
  }
})

test('a model of an unknown provider is refused, with what was probably meant', () => {
  const model = 'antropic/claude-haiku-5-5'
  const settings = readSettings({}, { MILLRACE_MODEL: model })
  expect(() => checkModel(settings, {})).toThrow(
    'MILLRACE_MODEL is "antropic/claude-haiku-5-5"; did you mean anthropic/claude-haiku-5-5?',
  )
  expect(() => checkModel({ model: 'gpt-5.5' }, { '--model': 'gpt-5.5' })).toThrow(
    /^--model is "gpt-5.5"; it takes provider\/model/,
  )
  expect(() => checkModel({ model: 'openai/gpt-5.5' }, {})).not.toThrow()
})

test('an application chooses its model itself, and a variable may be its own', () => {
  expect(() => checkModel({ model: 'openai/x' }, { '--model': 'openai/x' }, 'app.ts')).toThrow(
    /^--model is for the demo/,
  )
  expect(() => checkModel({ model: 'whatever' }, {}, 'app.ts')).not.toThrow()
  expect(modelSettings({ model: 'whatever' }, 'app.ts')).toMatchObject(defaults)
})
