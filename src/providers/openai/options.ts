/** The options of `openai()` and `openaiChat()`: the request, and how it is sent. */
import type { OpenAI } from 'openai'
import { type OptionNames, checkOptions } from '../../protocol/known-options.ts'
import { milliseconds } from '../../time/duration.ts'
import { openAIService } from './settings.ts'
import type { OpenAIService } from './settings.ts'

/** The model service, and how long to wait for it. */
export interface ServiceOptions {
  /** The key; `OPENAI_API_KEY` by default. A service with its own address may need none. */
  readonly apiKey?: string | undefined
  /** The service's address up to and with its `/v1`; `OPENAI_BASE_URL`, then OpenAI's, by default. */
  readonly baseURL?: string | undefined
  /**
   * A client of the SDK (for Azure, a proxy, changing keys) instead of key and address. With a `fetch` or a
   * dispatcher of its own it keeps their time limits, such as undici's 300 s of silence.
   */
  readonly client?: OpenAI | undefined
  /**
   * How often a request is sent again before any part of an answer has come: after 408, 409, 429 or 5xx, also
   * in the stream, after a failed connection, or without an answer within `stallTimeout`. Rules and pauses
   * are the SDK's, within `startTimeout`. 2 by default. An answer that has begun is never requested twice.
   */
  readonly maxRetries?: number | undefined
  /**
   * The longest wait, in seconds, for the first byte of an answer, including retries and their pauses. 60 by
   * default. When a service asks for a longer pause, its refusal is reported at once.
   */
  readonly startTimeout?: number | undefined
  /**
   * The longest silence, in seconds. It ends an answer in which no byte comes for that long, and each attempt
   * without an answer. 60 by default: twice the pause after which Azure's service sends a sign of life while
   * a model thinks. In a run, a shorter `limits.silence` ends it first.
   */
  readonly stallTimeout?: number | undefined
}

export interface BackgroundOptions {
  /**
   * Makes the service answer in the background and keep the answer for a while, about ten minutes at OpenAI.
   * A cut connection is then replaced, a run that another process takes over continues with the same
   * response, and a stop cancels it by its id. The first text comes later than in the foreground. False by
   * default.
   */
  readonly background?: boolean | undefined
  /** The longest wait, in seconds, in the queue of the service. Only in the background; 120 by default. */
  readonly queueTimeout?: number | undefined
  /**
   * How often in a row an answer that has begun is joined again without a new event. Only in the background;
   * 10 by default, which lasts about a minute without a network.
   */
  readonly maxRejoins?: number | undefined
}

/** A request of the Responses API, by the API's own names. */
export type ResponseRequest = Omit<
  OpenAI.Responses.ResponseCreateParamsStreaming,
  'stream' | 'background'
> & {
  readonly model: string
  readonly input: string | OpenAI.Responses.ResponseInput
}

/** A request of the Chat Completions API, by the API's own names. */
export type ChatRequest = Omit<OpenAI.Chat.Completions.ChatCompletionCreateParamsStreaming, 'stream'>

/** A request of the Responses API, and, in camel case, how it is sent. */
export type OpenAIOptions = ResponseRequest & ServiceOptions & BackgroundOptions

/** A request of the Chat Completions API, and, in camel case, how it is sent. */
export type OpenAIChatOptions = ChatRequest & ServiceOptions

/** Times in seconds. */
export const SENDING_DEFAULTS = { maxRetries: 2, startTimeout: 60, stallTimeout: 60 } as const

/** How requests are sent, from checked options. */
export interface Sending {
  /** The caller's client, or the settings for one. */
  readonly via: { readonly client: OpenAI } | { readonly service: OpenAIService }
  readonly maxRetries: number
  readonly startMs: number
  readonly stallMs: number
}

const SENDING_OPTIONS: OptionNames<Omit<ServiceOptions & BackgroundOptions, 'client' | 'background'>> = {
  apiKey: true,
  baseURL: true,
  maxRetries: true,
  startTimeout: true,
  stallTimeout: true,
  queueTimeout: true,
  maxRejoins: true,
}

const SENDING_LETTERS: ReadonlySet<string> = new Set(
  Object.keys(SENDING_OPTIONS).map((name) => name.toLowerCase()),
)

/**
 * The API's own names have no capital letters, and the service itself refuses one that it does not know: checked are
 * the others, and what is one of ours but for its capitals.
 */
function notOfTheApi(options: object): object {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name]) => /[A-Z]/.test(name) || SENDING_LETTERS.has(name.replaceAll('_', '')),
    ),
  )
}

/**
 * Separates a request from the options for sending it.
 *
 * @throws as `openai()` does.
 */
export function split<Request>(
  name: string,
  options: Request & ServiceOptions,
): { readonly request: Omit<Request, keyof ServiceOptions>; readonly sending: Sending } {
  checkOptions<object>(`${name}()`, notOfTheApi(options), SENDING_OPTIONS)
  const {
    apiKey,
    baseURL,
    client,
    maxRetries = SENDING_DEFAULTS.maxRetries,
    startTimeout = SENDING_DEFAULTS.startTimeout,
    stallTimeout = SENDING_DEFAULTS.stallTimeout,
    ...request
  } = options
  const service = client ? undefined : openAIService({ apiKey, baseURL })
  const via = client ? { client } : service && { service }
  if (!via) {
    throw new TypeError(
      `${name}() needs a key or an address: set OPENAI_API_KEY, or OPENAI_BASE_URL, or pass them`,
    )
  }
  const sending = {
    via,
    maxRetries: count('maxRetries', maxRetries),
    startMs: milliseconds('startTimeout', startTimeout),
    stallMs: milliseconds('stallTimeout', stallTimeout),
  }
  return { request, sending }
}

export interface BackgroundLimits {
  readonly queueMs: number
  readonly maxRejoins: number
}

/** @throws {RangeError} for an option that is out of range. */
export function backgroundLimits(options: BackgroundOptions): BackgroundLimits {
  const { queueTimeout = 120, maxRejoins = 10 } = options
  return { queueMs: milliseconds('queueTimeout', queueTimeout), maxRejoins: count('maxRejoins', maxRejoins) }
}

function count(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(`${name} must be a whole number from 0, not ${value}`)
}
