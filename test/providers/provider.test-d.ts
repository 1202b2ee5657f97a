import { assertType, expectTypeOf, test } from 'vitest'
import { openai, openaiChat } from '../../src/openai.ts'
import type { ChatChunk, ResponseStreamEvent } from '../../src/openai.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { scripted, demoNumbers } from '../../src/providers/scripted.ts'

test('any async generator function is a provider', () => {
  assertType<Provider<{ tick: number }>>(async function* ({ signal }) {
    for (let tick = 0; !signal.aborted; tick++) yield { tick }
  })
  assertType<Provider<string>>(async function* () {
    yield 'one'
  })
})

test('events keep their type', () => {
  expectTypeOf(demoNumbers).toEqualTypeOf<Provider<string>>()
  expectTypeOf(openai({ model: 'm', input: 'prompt' })).toEqualTypeOf<Provider<ResponseStreamEvent>>()
  expectTypeOf(openaiChat({ model: 'm', messages: [] })).toEqualTypeOf<Provider<ChatChunk>>()
  expectTypeOf(scripted([{ a: 1 }, { a: 2 }])).toExtend<Provider<{ a: number }>>()
})

test('what cannot be JSON is no event', () => {
  // @ts-expect-error undefined is not JSON
  assertType<Provider<undefined>>(async function* () {})
  // @ts-expect-error a bigint is not JSON
  scripted([1n])
})

test('the provider decides how a response is sent, not the request', () => {
  // @ts-expect-error always streamed
  assertType(openai({ model: 'm', input: 'prompt', stream: false }))
  // @ts-expect-error always streamed
  assertType(openaiChat({ model: 'm', messages: [], stream: true }))
  // @ts-expect-error a model must be named
  assertType(openai({ input: 'prompt' }))
  // @ts-expect-error a completion has no background
  assertType(openaiChat({ model: 'm', messages: [], background: true }))
})
