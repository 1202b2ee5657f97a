import { describe, expect, test, vi } from 'vitest'
import type { Scope } from '../../src/consumers/scope.ts'
import type { StartCommand } from '../../src/endpoints/start-handler.ts'
import type { Json } from '../../src/protocol/json.ts'
import type { Runs } from '../../src/runs/runs.ts'
import { modelAnswer, wantsBackground } from '../../src/demo/model-answer.ts'
import { numberLines, seedRuns, seedStart } from '../../src/demo/demo-runs.ts'
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
    for await (const line of numberLines(context)) log.push(line.message)
    return log
  }

  test('are ten, each kept with the number that is due after it', async () => {
    expect(await play()).toEqual(Array.from({ length: 10 }, (_, i) => [i + 1, `Number ${i}`]).flat())
  })

  test('go on with the one that is due', async () => {
    expect(await play(8)).toEqual([9, 'Number 8', 10, 'Number 9'])
    expect(await play(10)).toEqual([])
  })
})

describe('the kinds', () => {
  test('are the numbers, and with a model prompts', () => {
    expect(Object.keys(seedRuns(undefined))).toEqual(['numbers'])
    expect(Object.keys(seedRuns(settings))).toEqual(['numbers', 'prompt'])
  })

  test('go on after an interruption: the numbers, and answers made in the background', () => {
    const { numbers, prompt } = seedRuns(settings)
    expect([numbers?.resumable, prompt?.resumable]).toEqual([true, false])
    expect(seedRuns({ ...settings, background: true })['prompt']?.resumable).toBe(true)
  })
})

describe('a start', () => {
  const start = vi.fn<Runs['start']>(
    async ({ id = 'drawn' }) => ({ id }) as Awaited<ReturnType<Runs['start']>>,
  )
  const ask = (hasModel: boolean, command: StartCommand) =>
    seedStart({ start }, hasModel)(command, undefined as unknown as Scope)

  test.each([
    ['the numbers without a prompt', true, {}, { kind: 'numbers' }],
    ['the numbers for a prompt that no model answers', false, { prompt: 'Why?' }, { kind: 'numbers' }],
    [
      'the model for a prompt',
      true,
      { prompt: 'Why?', more: 1 },
      { kind: 'prompt', input: { prompt: 'Why?' } },
    ],
  ])('asks %s', async (_name, hasModel, input, request) => {
    await ask(hasModel, { input })
    expect(start).toHaveBeenLastCalledWith(request)
  })

  test('passes on whose it is, its chat and its id', async () => {
    const names = { chat: 'c', id: 'r', owner: 'ann' }
    expect(await ask(true, { input: {}, ...names })).toEqual({ id: 'r' })
    expect(start).toHaveBeenLastCalledWith({ kind: 'numbers', ...names })
  })

  test.each([
    [null],
    [[]],
    ['Why?'],
    [7],
    [{ prompt: 7 }],
    [{ prompt: null }],
    [{ prompt: '' }],
    [{ prompt: ' \n' }],
  ])('with %j is refused, and starts nothing', (input) => {
    start.mockClear()
    expect(() => ask(true, { input })).toThrow(expect.objectContaining({ code: 'bad_request' }))
    expect(start).not.toHaveBeenCalled()
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
  expect(() => wantsBackground({ OPENAI_BACKGROUND: 'yes' })).toThrow('OPENAI_BACKGROUND is 1')
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
    { delta: 'Be' },
    { delta: 'cause' },
    { delta: expect.stringMatching(/^\n\n\[The answer reached the greatest length.*\]$/) as string },
  ])
})
