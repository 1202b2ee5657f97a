/** A message made of joined deltas is the one that all of them make. */
import { type UIMessageChunk, readUIMessageStream } from 'ai'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerMessage } from '../../../src/endpoints/chat/answer-message.ts'
import { joinedDeltas } from '../../../src/endpoints/chat/joined-deltas.ts'

async function* several<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

async function messageOf(chunks: AsyncIterable<UIMessageChunk>) {
  let last: unknown
  for await (const state of readUIMessageStream({ stream: ReadableStream.from(chunks) })) last = state
  return last
}

const parts = ['text a', 'text b', 'reasoning a', 'tool a', 'tool b'] as const
type Part = (typeof parts)[number]
const idOf = (part: Part) => part.split(' ')[1] ?? ''

function beginOf(part: Part): UIMessageChunk {
  if (part.startsWith('tool')) return { type: 'tool-input-start', toolCallId: idOf(part), toolName: 'add' }
  return { type: part.startsWith('text') ? 'text-start' : 'reasoning-start', id: idOf(part) }
}

function deltaOf(part: Part, delta: string, marked: boolean): UIMessageChunk {
  if (part.startsWith('tool'))
    return { type: 'tool-input-delta', toolCallId: idOf(part), inputTextDelta: delta }
  const type = part.startsWith('text') ? 'text-delta' : 'reasoning-delta'
  return { type, id: idOf(part), delta, ...(marked && { providerMetadata: { x: { delta } } }) }
}

test('whatever the parts say and in whatever order, nothing is lost or mixed up', async () => {
  const said = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom(...parts), fc.string(), fc.boolean()) },
    { weight: 1, arbitrary: fc.constant('step' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 30 }), async (saids) => {
      const chunks: UIMessageChunk[] = [
        { type: 'start', messageId: 'm' },
        ...parts.map(beginOf),
        ...saids.map((one) => (one === 'step' ? ({ type: 'data-step', data: 1 } as const) : deltaOf(...one))),
      ]
      expect(await messageOf(joinedDeltas(several(chunks)))).toEqual(await messageOf(several(chunks)))
    }),
    { numRuns: 50 },
  )
})

test('an answer with a tool whose input came in 20,000 pieces is made into a message in a moment', async () => {
  const pieces = Array.from({ length: 20_000 }, () => 'some code ')
  const chunks = [
    { type: 'start', messageId: 'm' },
    { type: 'tool-input-start', toolCallId: 't', toolName: 'write' },
    ...['{"code":"', ...pieces].map((inputTextDelta) => ({
      type: 'tool-input-delta',
      toolCallId: 't',
      inputTextDelta,
    })),
  ]
  const turn = { chat: 'c1', run: 'r1', question: { id: 'm1', role: 'user' }, messages: [], mostBytes: 1e6 }
  const began = performance.now()
  const answer = await answerMessage(several(chunks), turn, { status: 'stopped' })
  // It took a minute, in which the server did nothing else.
  expect(performance.now() - began).toBeLessThan(5000)
  expect(answer?.message).toMatchObject({ parts: [{ input: { code: pieces.join('') } }] })
})
