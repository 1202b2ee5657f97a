/**
 * Providers of what OpenAI's APIs stream, from OpenAI or any service that speaks them, through the
 * official SDK. `openai` is a peer dependency, loaded here alone, when it is first needed.
 */
import type { OpenAI } from 'openai'
import type { Json } from '../../protocol/json.ts'
import { BackgroundResponse } from './background-response.ts'
import type { ChatChunk } from './chat-answer.ts'
import { chatCompletion } from './chat-completion.ts'
import type { Service } from './event-stream.ts'
import { foregroundResponse } from './foreground-response.ts'
import { backgroundLimits, split } from './options.ts'
import type { OpenAIChatOptions, OpenAIOptions, ResponseRequest, Sending } from './options.ts'
import type { Provider, ProviderContext } from '../provider.ts'
import type { ResponseStreamEvent } from './response-event.ts'
import { patience, serviceFetch } from './service-fetch.ts'
import { stoppable } from '../stoppable.ts'
import { UpstreamError } from '../upstream-error.ts'

/**
 * Each generation is one streamed response of the Responses API. Every event is passed on as it came, except
 * those that only keep the connection alive. `response.created` and similar events contain the whole
 * response, including its `instructions`: send to a page only what `answerText` returns.
 *
 * The end is normal after `response.completed` and `response.incomplete`; `answerOutcome` tells
 * them apart. After `response.failed`, on an `error` event, and on any other failure of the service
 * or the way to it, the iterator rejects with an `UpstreamError`. A connection that closes with no
 * last event is such a failure.
 *
 * The request ends, and with it its cost, once the signal aborts or the iterator is left.
 *
 * With `background: true` the response does not depend on its connection: a cut connection is replaced, each
 * event has a checkpoint, and a run that is taken over continues with the same response. Whatever ends the
 * generation before the response ends cancels the response by its id, but for an abort with `RunMovedError`.
 * The request carries an `Idempotency-Key` made of the run's id and what is asked, so that a service that
 * honours it makes one response even when the process dies before the first event was kept.
 *
 * @throws {InvalidSettingError} for an address or a key that cannot be used.
 * @throws {TypeError} when there is neither a key nor an address, and for a response in the
 * background that is not to be stored.
 * @throws {RangeError} for a number that is out of range.
 */
export function openai(options: OpenAIOptions): Provider<ResponseStreamEvent> {
  const { background = false, queueTimeout, maxRejoins, ...rest } = options
  const { request, sending } = split<ResponseRequest>('openai', rest)
  if (!background)
    return foreground(sending, (service, signal) => foregroundResponse(service, request, signal))
  const limits = backgroundLimits({ queueTimeout, maxRejoins })
  if (request.store === false) {
    throw new TypeError('background needs the service to keep the response: leave out store: false')
  }
  return (context) => {
    const generate = async function* (signal: AbortSignal) {
      yield* new BackgroundResponse(await reach(sending, context), request, limits, context, signal).events()
    }
    return stoppable(context.signal, generate, context.resumeFrom !== undefined)
  }
}

/**
 * Each generation is one streamed completion of the Chat Completions API. Every chunk is passed on as it
 * came: text, refusals and tool calls in their `delta`, and last the usage, which is requested unless
 * `stream_options` says otherwise (null sends no such option, for a service that does not know it).
 *
 * The end is normal once every choice has its `finish_reason`, or the service said `[DONE]`;
 * `chatOutcome` tells how it ended. On an error in the stream, and on any other failure of the
 * service or the way to it, the iterator rejects with an `UpstreamError`. A connection that closes
 * before that end is such a failure, and cannot be joined again.
 *
 * The request ends, and with it its cost, once the signal aborts or the iterator is left.
 *
 * @throws as `openai()` does.
 */
export function openaiChat(options: OpenAIChatOptions): Provider<ChatChunk> {
  const { request, sending } = split('openaiChat', options)
  return foreground(sending, (service, signal) => chatCompletion(service, request, signal))
}

/** A provider of answers that end with their connection. */
function foreground<Event extends Json | object>(
  sending: Sending,
  answer: (service: Service, signal: AbortSignal) => AsyncGenerator<Event, void, undefined>,
): Provider<Event> {
  return (context) =>
    stoppable(context.signal, async function* (signal) {
      // A new request would append a second answer to the part of the first one.
      if (context.resumeFrom !== undefined)
        throw new UpstreamError('cut', 'an answer in the foreground was to be continued')
      yield* answer(await reach(sending, context), signal)
    })
}

async function reach(sending: Sending, { alive = () => {} }: ProviderContext): Promise<Service> {
  const { via, maxRetries, startMs, stallMs } = sending
  const { OpenAI } = await loadSDK()
  // The SDK's own log could quote requests. Failures are reported by errors instead.
  const client =
    'client' in via ? via.client : new OpenAI({ ...via.service, logLevel: 'off', fetch: serviceFetch })
  const secrets = typeof client.apiKey === 'string' ? [client.apiKey] : []
  return { client, secrets, maxRetries, startMs, stallMs, alive, fetchOptions: fetchOptionsFor(client) }
}

/**
 * The dispatcher without time limits, unless the client has another fetch or dispatcher, with limits of its
 * own.
 */
function fetchOptionsFor(client: OpenAI): { readonly dispatcher: unknown } | undefined {
  const { fetch, fetchOptions } = client as unknown as {
    readonly fetch?: unknown
    readonly fetchOptions?: { readonly dispatcher?: unknown }
  }
  const isNodes = fetch === serviceFetch || fetch === globalThis.fetch
  return isNodes && fetchOptions?.dispatcher === undefined ? patience() : undefined
}

/**
 * Loads the SDK, as the first request would. A server that needs it calls this when it starts, to fail then,
 * and to spare the first reader the wait.
 *
 * @throws {UpstreamError} `sdk_missing` when it is not installed.
 */
export async function loadOpenAI(): Promise<void> {
  await loadSDK()
}

async function loadSDK(): Promise<{ readonly OpenAI: typeof OpenAI }> {
  try {
    return await import('openai')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw code === 'ERR_MODULE_NOT_FOUND' ? new UpstreamError('sdk_missing', code) : error
  }
}
