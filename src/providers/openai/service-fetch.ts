/**
 * Sends requests to a model service: with Node's fetch, without its time limits, and with the body of an
 * error in a form that the SDK can read.
 */
import { Buffer } from 'node:buffer'

/** Most bytes that are read of an error's body. */
const ERROR_BYTES = 64 * 1024

/**
 * The part of undici, which implements Node's fetch, that is used here. Node does not export it, but keeps
 * the process's dispatcher under a symbol that every version of undici knows.
 */
interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

/**
 * Sends like the process, through its proxy if there is one, and waits for headers and bytes as long as the
 * caller does. undici itself gives up after 300 s of either.
 */
const patient: Dispatcher = {
  dispatch(options, handler) {
    const { [GLOBAL_DISPATCHER]: dispatcher } = globalThis as unknown as { [GLOBAL_DISPATCHER]: Dispatcher }
    return dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)
  },
}

/** The options for a request of Node's fetch; undefined when undici does not implement it. */
export function patience(): { readonly dispatcher: Dispatcher } | undefined {
  return GLOBAL_DISPATCHER in globalThis ? { dispatcher: patient } : undefined
}

/** A fetch for the SDK, which shows only the member `error` of a JSON body. */
export async function serviceFetch(
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Response> {
  const response = await fetch(input, init)
  if (response.ok || response.body === null) return response
  const { status, statusText, headers } = response
  const readable = new Headers(headers)
  for (const name of ['content-encoding', 'content-length']) readable.delete(name)
  readable.set('content-type', 'application/json')
  const type = headers.get('content-type') ?? ''
  const said = errorBody(await beginningOf(response.body), type)
  return new Response(JSON.stringify(said), { status, statusText, headers: readable })
}

function errorBody(text: string, type: string): object {
  try {
    const said: unknown = JSON.parse(text)
    const first: unknown = Array.isArray(said) ? said[0] : said
    if (typeof first !== 'object' || first === null) return { error: { message: String(first) } }
    const { error } = first as { readonly error?: unknown }
    return typeof error === 'object' && error !== null ? first : { error: first }
  } catch {
    // An HTML page is of no use to an operator, and may quote the request.
    return type.startsWith('text/plain') ? { error: { message: text } } : {}
  }
}

async function beginningOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body) {
    parts.push(part)
    size += part.length
    if (size >= ERROR_BYTES) break
  }
  return Buffer.concat(parts).subarray(0, ERROR_BYTES).toString('utf8')
}
