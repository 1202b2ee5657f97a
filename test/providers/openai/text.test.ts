import { expect, it } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import type { Provider, ProviderContext } from '../../../src/providers/provider.ts'
import { type ChatChunk, type ResponseStreamEvent, text } from '../../../src/openai.ts'
import { collect } from '../../support/collect.ts'

const { signal } = new AbortController()

it('the text of a response is its text and its refusals, and no other event', async () => {
  const provider = yielding<ResponseStreamEvent>(
    { type: 'response.created' },
    { type: 'response.output_text.delta', delta: 'Hel' },
    { type: 'response.output_text.delta', delta: '' },
    { type: 'response.reasoning_text.delta', delta: 'hm' },
    { type: 'response.refusal.delta', delta: 'lo' },
    { type: 'response.completed' },
  )
  expect(await collect(text(provider, { signal }))).toEqual(['Hel', 'lo'])
})

it('the text of a completion is that of its first choice', async () => {
  const provider = yielding<ChatChunk>(
    { choices: [{ index: 0, delta: { role: 'assistant' } }] },
    { choices: [{ index: 0, delta: { content: 'Hello' } }] },
    { choices: [], usage: { total_tokens: 3 } },
  )
  expect(await collect(text(provider, { signal }))).toEqual(['Hello'])
})

it('the provider gets the context, and checkpoints come before the text that follows them', async () => {
  const seen: Json[] = []
  const context: ProviderContext = { signal, runId: 'r', checkpoint: (value) => seen.push(value) }
  const provider: Provider<ResponseStreamEvent> = async function* (given) {
    expect(given).toBe(context)
    given.checkpoint?.(1)
    yield event({ type: 'response.created' })
    given.checkpoint?.(2)
    yield event({ type: 'response.output_text.delta', delta: 'x' })
  }
  for await (const piece of text(provider, context)) seen.push(piece)
  expect(seen).toEqual([1, 2, 'x'])
})

it('a provider that fails fails with the same error, after what came', async () => {
  const failure = new Error('cut off')
  const provider: Provider<ResponseStreamEvent> = async function* () {
    yield event({ type: 'response.output_text.delta', delta: 'x' })
    throw failure
  }
  const pieces = text(provider, { signal })
  expect(await pieces.next()).toEqual({ done: false, value: 'x' })
  await expect(pieces.next()).rejects.toBe(failure)
})

function yielding<Event extends object>(...events: readonly object[]): Provider<Event> {
  return async function* () {
    yield* events as readonly Event[]
  }
}

function event(fields: { readonly type: string; readonly delta?: string }): ResponseStreamEvent {
  return fields as ResponseStreamEvent
}
