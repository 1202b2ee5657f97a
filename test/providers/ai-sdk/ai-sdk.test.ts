import { simulateReadableStream } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { expect, test } from 'vitest'
import { aiSdk } from '../../../src/providers/ai-sdk/ai-sdk.ts'
import { collect } from '../../support/collect.ts'

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}

const saying = (...texts: string[]) =>
  new MockLanguageModelV4({
    doStream: async () => ({
      stream: simulateReadableStream({
        chunks: [
          { type: 'text-start', id: '1' },
          ...texts.map((delta) => ({ type: 'text-delta', id: '1', delta }) as const),
          { type: 'text-end', id: '1' },
          { type: 'finish', finishReason: { unified: 'stop', raw: undefined }, usage },
        ],
      }),
    }),
  })

test('a model answers in pieces of text', async () => {
  const answer = aiSdk({ model: saying('Good', ' day.'), prompt: 'Hello' })
  expect(await collect(answer({ signal: new AbortController().signal }))).toEqual(['Good', ' day.'])
})

test('what the model service refuses is an error of its own', async () => {
  const refused = Object.assign(new Error('slow down'), { name: 'AI_APICallError', statusCode: 429 })
  const model = new MockLanguageModelV4({ doStream: () => Promise.reject(refused) })
  const answer = aiSdk({ model, prompt: 'Hello', maxRetries: 0 })
  await expect(collect(answer({ signal: new AbortController().signal }))).rejects.toMatchObject({
    code: 'rate_limited',
  })
})

test('an answer that was stopped is never taken for a whole one', async () => {
  const stop = new AbortController()
  const pieces: string[] = []
  const read = async () => {
    for await (const piece of aiSdk({ model: saying('Good', ' day.'), prompt: 'Hello' })(stop)) {
      pieces.push(piece)
      stop.abort(new Error('stopped'))
    }
  }
  await expect(read()).rejects.toThrow('stopped')
  expect(pieces).toEqual(['Good'])
})
