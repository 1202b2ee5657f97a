/** An answer that calls a tool which has to be approved, and says that it is done once it was. */
import { convertToModelMessages, simulateReadableStream, streamText, tool } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { z } from 'zod'
import type { AnswerSource } from '../../../src/ai-sdk.ts'

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}

/** `removed`: what the tool did. */
export function approvalSource(): { readonly source: AnswerSource; readonly removed: readonly string[] } {
  const removed: string[] = []
  const tools = {
    remove: tool({
      inputSchema: z.object({ file: z.string() }),
      execute: ({ file }) => {
        removed.push(file)
        return 'done'
      },
    }),
  }
  const source: AnswerSource = async ({ messages, signal }) =>
    streamText({
      model: messages.at(-1)?.role === 'user' ? calling : removing,
      tools,
      toolApproval: { remove: 'user-approval' },
      messages: await convertToModelMessages(messages, { tools }),
      abortSignal: signal,
    })
  return { source, removed }
}

const calling = modelOf([
  { type: 'tool-call', toolCallId: 't', toolName: 'remove', input: '{"file":"a"}' },
  { type: 'finish', finishReason: { unified: 'tool-calls', raw: undefined }, usage },
])

const removing = modelOf([
  { type: 'text-start', id: '1' },
  { type: 'text-delta', id: '1', delta: 'Removed.' },
  { type: 'text-end', id: '1' },
  { type: 'finish', finishReason: { unified: 'stop', raw: undefined }, usage },
])

function modelOf(
  chunks: Parameters<typeof simulateReadableStream<ModelChunk>>[0]['chunks'],
): MockLanguageModelV4 {
  return new MockLanguageModelV4({ doStream: async () => ({ stream: simulateReadableStream({ chunks }) }) })
}

type ModelChunk =
  Awaited<ReturnType<MockLanguageModelV4['doStream']>>['stream'] extends ReadableStream<infer Chunk>
    ? Chunk
    : never
