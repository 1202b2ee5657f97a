import { describe, expect, test, vi } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import { modelAnswer, wantsBackground } from '../../src/demo/model-answer.ts'
import { openAIModel } from '../../src/demo/models/openai-model.ts'
import { numberLines, demoRuns } from '../../src/demo/demo-runs.ts'
import { collect } from '../support/collect.ts'
import { delta, stream, upstream } from '../support/upstream.ts'

// test/providers holds the pace.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<object>()),
  setTimeout: () => Promise.resolve(),
}))

const { signal } = new AbortController()
const settings = { apiKey: 'sk-1', model: 'm' }

describe('the numbers', () => {
  async function play(resumeFrom?: Json): Promise<unknown[]> {
    const log: unknown[] = []
    const checkpoint = (value: Json): void => void log.push(value)
    const alive = (): void => {}
    const context = { signal, runId: 'r', checkpoint, alive, ...(resumeFrom !== undefined && { resumeFrom }) }
    for await (const line of numberLines(context)) log.push(line)
    return log
  }

  test('are ten, each kept with the number that is due after it', async () => {
    expect(await play()).toEqual(Array.from({ length: 10 }, (_, i) => [i + 1, `Number ${i}\n`]).flat())
  })

  test('go on with the one that is due', async () => {
    expect(await play(8)).toEqual([9, 'Number 8\n', 10, 'Number 9\n'])
    expect(await play(10)).toEqual([])
  })
})

describe('the runs', () => {
  test('go on after an interruption: the numbers, and answers made in the background', () => {
    const { numbers, answer } = demoRuns(openAIModel(settings))
    expect([numbers.resumable, answer.resumable]).toEqual([true, false])
    expect(demoRuns(openAIModel({ ...settings, background: true })).answer.resumable).toBe(true)
    expect(demoRuns(undefined).answer.resumable).toBe(true)
  })

  test('answer a prompt with the numbers where there is no model', async () => {
    const context = { signal, runId: 'r', checkpoint: () => {}, alive: () => {} }
    const numbers = demoRuns(undefined).answer.run({ prompt: 'Why?' }, context)
    expect((await collect(numbers))[0]).toBe('Number 0\n')
  })

  test.each([
    [null],
    [[]],
    ['Why?'],
    [7],
    [{}],
    [{ prompt: 7 }],
    [{ prompt: null }],
    [{ prompt: '' }],
    [{ prompt: ' \n' }],
  ])('refuse %j as a prompt', (input) => {
    const checked = demoRuns(openAIModel(settings)).answer.input?.['~standard'].validate(input)
    expect(checked).toMatchObject({ issues: [{ path: ['prompt'] }] })
  })
})

test.each([
  [undefined, false],
  ['', false],
  ['0', false],
  [' 1 ', true],
])('OPENAI_BACKGROUND=%s means %s', (value, background) => {
  expect(wantsBackground({ OPENAI_BACKGROUND: value })).toBe(background)
})

test('any other OPENAI_BACKGROUND is refused', () => {
  expect(() => wantsBackground({ OPENAI_BACKGROUND: 'yes' })).toThrow('OPENAI_BACKGROUND must be 1')
})

test("an answer holds the model's text, a note where it was cut short, and nothing else", async () => {
  const { baseURL } = await upstream(({ res }) => {
    stream(
      res,
      { type: 'response.created', response: { id: 'resp_1', instructions: 'a secret' } } as { type: string },
      delta('Be'),
      delta('cause'),
      {
        type: 'response.incomplete',
        response: { incomplete_details: { reason: 'max_output_tokens' }, instructions: 'a secret' },
      } as { type: string },
    )
    res.end()
  })
  const pieces: unknown[] = []
  for await (const piece of modelAnswer({ ...settings, baseURL }, 'Why?')({ signal })) pieces.push(piece)
  expect(pieces).toEqual([
    'Be',
    'cause',
    expect.stringMatching(/^\n\n\[The answer reached the maximum length.*\]$/) as string,
  ])
})
