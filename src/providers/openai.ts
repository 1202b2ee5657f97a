/**
 * A provider of the events of OpenAI's Responses API, from OpenAI or any service that speaks it,
 * through the official SDK. `openai` is a peer dependency, loaded here, when it is first needed.
 */
import type { OpenAI } from 'openai'
import type { Stream } from 'openai/core/streaming'
import { answerOutcome } from './answer.ts'
import { openAIService } from './openai-settings.ts'
import type { Provider } from './provider.ts'
import { redact } from './redact.ts'
import { stoppable } from './stoppable.ts'
import { apiError, upstreamError } from './upstream-cause.ts'
import { UpstreamError } from './upstream-error.ts'
import { WatchedBody } from './watched-body.ts'

export { answerOutcome, answerText } from './answer.ts'
export type { AnswerOutcome } from './answer.ts'
export { DEFAULT_MODEL, InvalidSetting, openAISettings } from './openai-settings.ts'
export type { OpenAISettings } from './openai-settings.ts'
export { upstreamError } from './upstream-cause.ts'
export { UpstreamError } from './upstream-error.ts'
export type { UpstreamErrorCode, UpstreamFault } from './upstream-error.ts'

export type ResponseStreamEvent = OpenAI.Responses.ResponseStreamEvent

/** What is asked: a request of the Responses API, by the API's own names. */
type ResponseRequest = Omit<OpenAI.Responses.ResponseCreateParamsStreaming, 'stream' | 'background'> & {
  readonly model: string
  readonly input: string | OpenAI.Responses.ResponseInput
}

/** A request of the Responses API, and in camel case how it is sent. */
export type OpenAIOptions = ResponseRequest & {
  /** The key; `OPENAI_API_KEY` by default. A service of its own address may need none. */
  readonly apiKey?: string | undefined
  /** The service's address up to and with its `/v1`; `OPENAI_BASE_URL`, then OpenAI's, by default. */
  readonly baseURL?: string | undefined
  /** A client of the SDK to send with (Azure, a proxy, keys that change) instead of key and address. */
  readonly client?: OpenAI | undefined
  /**
   * How often a request is sent again, before anything of an answer has come: after 408, 409, 429,
   * 5xx, a failed connection, or no answer within `stallTimeout`. The SDK's rules and pauses; 2 by
   * default. An answer that has begun is never asked for twice.
   */
  readonly maxRetries?: number | undefined
  /**
   * The longest silence, in milliseconds, while an answer is waited for. It ends an answer in which
   * not a byte comes for so long, and each attempt that is not answered at all. 60,000 by default:
   * twice the pause after which Azure's service sends a sign of life while a model thinks. Node's
   * fetch has a limit of its own at 300,000.
   */
  readonly stallTimeout?: number | undefined
}

const DEFAULT_STALL_TIMEOUT = 60_000

/**
 * Each generation is one streamed response. Every event is passed on as it came; those that only
 * keep the connection alive are dropped. Mind that `response.created` and the events like it hold
 * the whole response, its `instructions` included: pass on to a page what `answerText` takes.
 *
 * The end is normal after `response.completed` and `response.incomplete`; `answerOutcome` tells
 * them apart. After `response.failed`, on an `error` event, and on any other failure of the service
 * or the way to it, the iterator rejects with an `UpstreamError`. A connection that closes with no
 * last event is such a failure.
 *
 * The request ends, and with it what it costs, once the signal aborts or the iterator is left.
 *
 * @throws {InvalidSetting} for an address or a key that cannot be used.
 * @throws {TypeError} when there is neither a key nor an address.
 * @throws {RangeError} for a `maxRetries` or `stallTimeout` that is no whole number.
 */
export function openai(options: OpenAIOptions): Provider<ResponseStreamEvent> {
  const {
    apiKey,
    baseURL,
    client,
    maxRetries = 2,
    stallTimeout = DEFAULT_STALL_TIMEOUT,
    ...request
  } = options
  checkWhole('maxRetries', maxRetries, 0)
  checkWhole('stallTimeout', stallTimeout, 1)
  const service = client ? undefined : openAIService({ apiKey, baseURL })
  if (!client && !service) {
    throw new TypeError(
      'openai() needs a key or an address: set OPENAI_API_KEY, or OPENAI_BASE_URL, or pass them',
    )
  }
  return (context) =>
    stoppable(context.signal, async function* (signal) {
      const sdk = await loadSDK()
      // The SDK's own log could quote requests. What fails is reported by the error instead.
      const sender = client ?? new sdk.OpenAI({ ...service, logLevel: 'off' })
      yield* respond(sdk, sender, request, { maxRetries, stallTimeout, signal })
    })
}

/**
 * Loads the SDK, which the first request would do. A server that will need it calls this when it
 * starts, to fail there and to spare the first reader the wait.
 *
 * @throws {UpstreamError} `sdk_missing` when it is not installed.
 */
export async function loadOpenAI(): Promise<void> {
  await loadSDK()
}

interface SDK {
  readonly OpenAI: typeof OpenAI
  readonly Stream: typeof Stream
}

async function loadSDK(): Promise<SDK> {
  try {
    const [sdk, streaming] = await Promise.all([import('openai'), import('openai/core/streaming')])
    return { OpenAI: sdk.OpenAI, Stream: streaming.Stream }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // The second is a release of the SDK from before it had what is used here.
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
    throw missing ? new UpstreamError('sdk_missing', code) : error
  }
}

interface Sending {
  readonly maxRetries: number
  readonly stallTimeout: number
  readonly signal: AbortSignal
}

async function* respond(
  sdk: SDK,
  client: OpenAI,
  request: ResponseRequest,
  { maxRetries, stallTimeout, signal }: Sending,
): AsyncGenerator<ResponseStreamEvent, void, undefined> {
  // A stop may have come while the SDK was loading, and an aborted signal calls no new listener.
  signal.throwIfAborted()
  const secrets = typeof client.apiKey === 'string' ? [client.apiKey] : []
  const connection = new AbortController()
  const hangUp = (): void => connection.abort()
  signal.addEventListener('abort', hangUp, { once: true })
  let body: WatchedBody | undefined
  try {
    const response = await client.responses
      .create({ ...request, stream: true }, { signal: connection.signal, timeout: stallTimeout, maxRetries })
      .asResponse()
    if (response.body === null) throw noLastEvent(response)
    body = new WatchedBody(response.body as ReadableStream<Uint8Array>, stallTimeout, hangUp)
    const watched = new Response(body.bytes, { headers: response.headers })
    // Decoded here and not by `create`, which shows neither bytes nor the end of the body. In the
    // mode `events` an error of the service comes as data, with all that it says.
    const stream = sdk.Stream.fromSSEResponse<unknown>(watched, connection, client, false, 'events')
    for await (const data of stream) {
      const event = readEvent(data, secrets)
      if (event === undefined) continue
      yield event
      const outcome = answerOutcome(event, secrets)
      if (outcome?.status === 'failed') throw new UpstreamError(outcome.code, outcome.detail)
      // Not waiting for the end of the body, which a server may owe.
      if (outcome) return
    }
    throw noLastEvent(response)
  } catch (error) {
    if (body?.silent) throw new UpstreamError('stalled', `not a byte for ${stallTimeout} ms`)
    const fault = upstreamError(error, secrets)
    // Once there is an answer, a connection that fails breaks it off. So does one that ends within
    // an event, of which the decoder only sees that its JSON is not whole.
    const brokenOff = body && (fault.code === 'unreachable' || (body.ended && error instanceof SyntaxError))
    throw brokenOff ? new UpstreamError('cut', fault.detail) : fault
  } finally {
    signal.removeEventListener('abort', hangUp)
    hangUp()
  }
}

/** Sent by OpenAI while a model thinks; in no documentation and not in the SDK's types. */
const KEEPALIVE = 'keepalive'

/**
 * The event to pass on, if it is one.
 *
 * @throws {UpstreamError} for an error the service sent in the stream, and for what is no event.
 */
function readEvent(data: unknown, secrets: readonly string[]): ResponseStreamEvent | undefined {
  const event = data as { readonly type?: unknown; readonly error?: unknown } | null
  if (event?.type === undefined || event.type === 'error') {
    // The API documents the fields of an error on the event, and also sends them as a member of it.
    if (typeof event?.error === 'object' && event.error !== null) throw apiError(event.error, secrets)
    if (event?.type === 'error') throw apiError({ ...event, type: undefined }, secrets)
  }
  if (typeof event?.type !== 'string') throw new UpstreamError('bad_answer', 'an event without a type')
  if (event.type === KEEPALIVE) return undefined
  const known = event as ResponseStreamEvent
  return known.type === 'response.failed' ? withoutSecrets(known, secrets) : known
}

/** A proxy may report in the response what the service behind it said of the key. */
function withoutSecrets(
  event: OpenAI.Responses.ResponseFailedEvent,
  secrets: readonly string[],
): ResponseStreamEvent {
  const { error } = event.response ?? {}
  if (!error) return event
  return {
    ...event,
    response: { ...event.response, error: { ...error, message: redact(error.message, secrets) } },
  }
}

function noLastEvent(response: Response): UpstreamError {
  const type = response.headers.get('content-type') ?? 'none'
  return type.startsWith('text/event-stream')
    ? new UpstreamError('cut', 'the stream ended without a last event')
    : new UpstreamError('bad_answer', `an event stream was due, the content type is ${redact(type, [], 80)}`)
}

/** The largest delay of a timer of Node; a larger one would fire at once. */
const LARGEST = 2 ** 31 - 1

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least || value > LARGEST) {
    throw new RangeError(`${name} must be a whole number from ${least} to ${LARGEST}, not ${value}`)
  }
}
