import { describe, expect, test } from 'vitest'
import { InvalidSettingError, openAIService, openAISettings } from '../../../src/providers/openai/settings.ts'

describe('openAISettings', () => {
  test('nothing, or nothing but a model, switches nothing on', () => {
    expect(openAISettings({})).toBeUndefined()
    expect(
      openAISettings({ OPENAI_API_KEY: '', OPENAI_BASE_URL: ' ', OPENAI_MODEL: 'gpt-5.5' }),
    ).toBeUndefined()
  })

  test('a key means OpenAI and its default model', () => {
    expect(openAISettings({ OPENAI_API_KEY: 'sk-1' })).toEqual({ apiKey: 'sk-1', model: 'gpt-5.5' })
  })

  test('an address is enough: the key is a placeholder', () => {
    expect(
      openAISettings({ OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1', OPENAI_MODEL: 'llama3.3' }),
    ).toEqual({
      apiKey: 'no-key',
      baseURL: 'http://127.0.0.1:11434/v1',
      model: 'llama3.3',
    })
  })

  test('white space around a value, such as the line break of a file, is dropped', () => {
    expect(
      openAISettings({
        OPENAI_API_KEY: 'sk-1\n',
        OPENAI_BASE_URL: ' https://x.test/v1 ',
        OPENAI_MODEL: ' m ',
      }),
    ).toEqual({ apiKey: 'sk-1', baseURL: 'https://x.test/v1', model: 'm' })
  })

  test.each([
    ['no scheme', '127.0.0.1:11434/v1', /must be an http or https address/],
    ['another scheme', 'ftp://host/v1', /must be an http or https address/],
    ['no address at all', 'ollama', /must be an http or https address/],
    ['a password', 'https://me:hunter2@host/v1', /must not contain a user name or password/],
    ['a query', 'https://host/v1?api-version=1', /without a query/],
  ])('refuses an address with %s', (_, url, message) => {
    const refuse = () => openAISettings({ OPENAI_BASE_URL: url })
    expect(refuse).toThrow(InvalidSettingError)
    expect(refuse).toThrow(message)
    expect(refuse).toThrow(/^OPENAI_BASE_URL /)
    expect(refuse).not.toThrow(/hunter2/)
  })

  test.each(['sk-1 2', 'sk-1\n2', 'sk-\u2026', 'sk-\u0000'])(
    'refuses the key %j and does not quote it',
    (key) => {
      const refuse = () => openAISettings({ OPENAI_API_KEY: key })
      expect(refuse).toThrow(InvalidSettingError)
      expect(refuse).toThrow(/^OPENAI_API_KEY contains a character that no key has[^]*$/)
      expect(refuse).not.toThrow(/sk-/)
    },
  )
})

describe('openAIService', () => {
  const environment = { OPENAI_API_KEY: 'sk-env', OPENAI_BASE_URL: 'https://env.test/v1' }

  test('options win over the environment', () => {
    expect(openAIService({ apiKey: 'sk-1', baseURL: 'https://x.test/v1' }, environment)).toEqual({
      apiKey: 'sk-1',
      baseURL: 'https://x.test/v1',
    })
    expect(openAIService({ apiKey: 'sk-1' }, environment)).toEqual({
      apiKey: 'sk-1',
      baseURL: 'https://env.test/v1',
    })
  })

  test('an empty option is none, and does not fall back', () => {
    expect(openAIService({ apiKey: '' }, { OPENAI_API_KEY: 'sk-env' })).toBeUndefined()
  })

  test('names the option that is wrong', () => {
    expect(() => openAIService({ baseURL: 'nowhere' }, {})).toThrow(/^baseURL /)
    expect(() => openAIService({ apiKey: 'a b' }, {})).toThrow(/^apiKey /)
  })
})
