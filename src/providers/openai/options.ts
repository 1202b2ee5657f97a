/** What is asked of a model service, and how: the options of `openai()` and `openaiChat()`. */
import type { OpenAI } from 'openai'
import { milliseconds } from '../../time/duration.ts'
import { openAIService } from './settings.ts'
import type { OpenAIService } from './settings.ts'

/** Whom is asked, and how long they are waited for. */
export interface ServiceOptions {
  /** The key; `OPENAI_API_KEY` by default. A service of its own address may need none. */
  readonly apiKey?: string | undefined
  /** The service's address up to and with its `/v1`; `OPENAI_BASE_URL`, then OpenAI's, by default. */
  readonly baseURL?: string | undefined
  /**
   * A client of the SDK to send with (Azure, a proxy, keys that change) instead of key and address. With
   * a `fetch` or a dispatcher of its own it also keeps the limits of those, 300 s of silence for undici.
   */
  readonly client?: OpenAI | undefined
  /**
   * How often a request is sent again, before anything of an answer has come: after 408, 409, 429,
   * 5xx, in the stream as well, a failed connection, or no answer within `stallTimeout`. The SDK's rules
   * and pauses, within `startTimeout`; 2 by default. An answer that has begun is never asked for twice.
   */
  readonly maxRetries?: number | undefined
  /**
   * The longest wait, in seconds, for the first byte of an answer, retries and their pauses included.
   * 60 by default. When a service asks for a pause that ends later, its refusal is reported at once.
   */
  readonly startTimeout?: number | undefined
  /**
   * The longest silence, in seconds, while an answer is waited for. It ends an answer in which not a
   * byte comes for so long, and each attempt that is not answered at all. 60 by default: twice the
   * pause after which Azure's service sends a sign of life while a model thinks. In a run,
   * `limits.silence` ends it first where that is shorter.
   */
  readonly stallTimeout?: number | undefined
}

export interface BackgroundOptions {
  /**
   * Lets the service answer in the background and keep the answer for a while, about ten minutes at
   * OpenAI. A connection that is cut is then made anew, a run that another process takes over goes on
   * with the same response, and a stop cancels it by its id. The first text comes later than in the
   * foreground. False by default.
   */
  readonly background?: boolean | undefined
  /** The longest wait, in seconds, in the queue of the service. In the background alone; 120 by default. */
  readonly queueTimeout?: number | undefined
  /**
   * How often in a row the way to an answer that has begun is tried again without an event of it
   * coming. In the background alone; 10 by default, which bridges about a minute without a network.
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

/** A request of the Responses API, and in camel case how it is sent. */
export type OpenAIOptions = ResponseRequest & ServiceOptions & BackgroundOptions

/** A request of the Chat Completions API, and in camel case how it is sent. */
export type OpenAIChatOptions = ChatRequest & ServiceOptions

/** Times in seconds. */
export const SENDING_DEFAULTS = { maxRetries: 2, startTimeout: 60, stallTimeout: 60 } as const

/** How requests are sent, from options that were checked. */
export interface Sending {
  /** A client of the caller's, or what makes one. */
  readonly via: { readonly client: OpenAI } | { readonly service: OpenAIService }
  readonly maxRetries: number
  readonly startMs: number
  readonly stallMs: number
}

/**
 * Parts what is asked from how it is sent.
 *
 * @throws as `openai()` does.
 */
export function split<Request>(
  name: string,
  options: Request & ServiceOptions,
): { readonly request: Omit<Request, keyof ServiceOptions>; readonly sending: Sending } {
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
