/**
 * How requests to a model service leave: by Node's fetch, without the limits of its own, and with the body
 * of an error as the SDK can read it.
 */
import { Buffer } from 'node:buffer'

/** Bytes of the body of an error that are read. */
const ERROR_BYTES = 64 * 1024

/**
 * What of undici, which is behind Node's fetch, is used here. Node has no name for it and keeps the one of
 * the process under a symbol, by which undici of any version finds it.
 */
interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean
}

const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

/**
 * Sends as the process does, through its proxy if it has one, and waits for headers and for bytes for as
 * long as the caller does: undici by itself gives up after 300 s of either.
 */
const patient: Dispatcher = {
  dispatch(options, handler) {
    const { [GLOBAL_DISPATCHER]: dispatcher } = globalThis as unknown as { [GLOBAL_DISPATCHER]: Dispatcher }
    return dispatcher.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler)
  },
}

/** To be sent with a request of Node's fetch; undefined where there is no undici behind it. */
export function patience(): { readonly dispatcher: Dispatcher } | undefined {
  return GLOBAL_DISPATCHER in globalThis ? { dispatcher: patient } : undefined
}

/** For the SDK: it shows of an error no more than the member `error` of a body of JSON. */
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
    // A page says nothing to an operator, and may hold all that was sent.
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
