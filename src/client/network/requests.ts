/** Requests of the client, and what their answers mean when they say no. */
import type { InputIssue } from '../../protocol/stream-frames.ts'
import { Setback, type StreamError, errorIn, unreachable } from '../errors.ts'
import { type TokenSource, askForToken } from './token.ts'

export interface RequestOptions {
  readonly fetch: typeof fetch
  readonly token?: TokenSource | undefined
}

/** Looked up each time, because a page may replace it. */
export function platformFetch(...request: Parameters<typeof fetch>): ReturnType<typeof fetch> {
  return globalThis.fetch(...request)
}

/** The body of a refusal, and of the event that says that a stream cannot be followed further. */
export interface Fault {
  readonly code: string
  readonly message: string
  readonly reason?: string
  readonly first?: string
  readonly issues?: readonly InputIssue[]
}

/** Statuses of failures that may pass, whoever sends them. */
const PASSING: readonly number[] = [408, 425, 429, 502, 503, 504]

/** The code of an answer that is not Millrace's own begins so. */
const FOREIGN = 'http_'

/**
 * Makes a request. Rejects with a `StreamError` for a refusal that would be the same the next time, and for a
 * request that came too often, with the time to come back. Rejects with a `Setback` for any other failure.
 */
export async function request(
  { fetch, token }: RequestOptions,
  url: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  const send = async (refused: boolean): Promise<Response> => {
    const bearer = token === undefined ? '' : await withSignal(askForToken(token, refused), signal)
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(bearer && { authorization: `Bearer ${bearer}` }),
    }
    // WebSockets send cookies to any origin, so requests do. A cache would make two tabs wait for each other.
    const credentials = bearer ? 'same-origin' : 'include'
    return await fetch(url, { cache: 'no-store', credentials, ...init, headers, signal })
  }
  let response: Response
  try {
    response = await send(false)
    if (response.status === 401 && typeof token === 'function') response = await send(true)
  } catch (error) {
    if (error instanceof Setback) throw error
    throw new Setback(unreachable(url))
  }
  if (response.ok) return response
  throw await refusalOf(response)
}

/** Whether an error came from a Millrace server, not from a proxy or another server. */
export function isOwn({ code }: StreamError): boolean {
  return !code.startsWith(FOREIGN)
}

async function refusalOf(response: Response): Promise<StreamError | Setback> {
  const { status, headers } = response
  const body = (await response.json().catch(() => undefined)) as { error?: Partial<Fault> } | undefined
  const error = errorIn({
    code: `${FOREIGN}${status}`,
    message: `The server answered ${status}.`,
    ...body?.error,
    retryAfter: secondsOf(headers.get('retry-after')),
    first: headers.get('stream-first-offset') ?? undefined,
  })
  // An answer without a code may come from a proxy. Asking too often is an error for the caller to know.
  const passes = isOwn(error) ? status === 503 : PASSING.includes(status) || status > 499
  return passes ? new Setback(error) : error
}

/** A number of seconds, or a date; undefined for anything else. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined
  const seconds = /^\d{1,9}$/.test(retryAfter)
    ? Number(retryAfter)
    : (Date.parse(retryAfter) - Date.now()) / 1000
  return seconds >= 0 ? seconds : undefined
}

/** Rejects as soon as the signal aborts, whatever is still awaited. The signal is that of one attempt. */
function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')))
  })
  return Promise.race([promise, aborted])
}
