/** Models of the AI SDK as providers of plain runs: the answer's text, piece by piece. */
import { streamText } from 'ai'
import type { Provider } from '../provider.ts'
import { stoppable } from '../stoppable.ts'
import { aiSdkError } from './ai-sdk-error.ts'

/** What `streamText` takes: a model, a prompt or messages, and whatever else. The signal is the run's. */
export type AiSdkOptions = Parameters<typeof streamText>[0]

/**
 * Each generation is one `streamText`, whose text is yielded as plain strings. It rejects with an `UpstreamError` when
 * the model fails, and the request ends with its signal: `run({ run: ({ prompt }, context) => aiSdk({ model, prompt
 * })(context) })`.
 */
export function aiSdk(options: AiSdkOptions): Provider<string> {
  return (context) => stoppable(context.signal, (signal) => textOf(options, signal))
}

async function* textOf(
  options: AiSdkOptions,
  abortSignal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  // What fails is thrown; by default it is printed.
  const { stream } = streamText({ ...options, abortSignal, onError: () => {} })
  for await (const part of stream) {
    if (part.type === 'error') throw aiSdkError(part.error)
    if (part.type === 'text-delta') yield part.text
  }
}
