/**
 * Finds out why a WebSocket failed, which neither browsers nor Node tell. It asks the server over plain HTTP, first
 * where streams are served, then at the path of the WebSocket.
 */
import { Setback, StreamError, unreachable } from '../errors.ts'
import { type RequestOptions, isOwn, request } from '../network/requests.ts'
import { Watchdog } from '../network/watchdog.ts'

export interface DiagnosisOptions extends RequestOptions {
  /** Of the WebSocket. */
  readonly url: string
  /** Where streams are served over HTTP. */
  readonly streamsUrl?: string | undefined
}

export interface Finding {
  /** Streams are to be had over HTTP. */
  readonly overHttp?: boolean
  /** What the server says no with. */
  readonly refusal?: StreamError
  /** Why there is no connection, as far as is known. */
  readonly error?: StreamError
}

/** Seconds for the server to say whether it is there. */
const PROBE = 5
/** An id that no stream has: a Millrace server answers that it does not exist. */
const NO_STREAM = '%40probe'

/** Never rejects. */
export async function diagnose(options: DiagnosisOptions, signal: AbortSignal): Promise<Finding> {
  const answer =
    options.streamsUrl === undefined
      ? undefined
      : await ask(options, `${options.streamsUrl}/${NO_STREAM}`, signal)
  if (answer instanceof StreamError && answer.code === 'stream_not_found') return { overHttp: true }
  // A server that is down need not be asked twice.
  if (answer instanceof Setback) return { error: answer.why }
  const path = await ask(options, options.url.replace(/^ws/, 'http'), signal)
  if (path instanceof Setback) return { error: path.why }
  if (path?.code === 'upgrade_required') return { error: blocked(answer) }
  return path ? { refusal: path } : { error: stranger(options.url) }
}

/** The error that a server answers a question with; undefined when it does not answer with one. */
async function ask(
  options: DiagnosisOptions,
  url: string,
  signal: AbortSignal,
): Promise<StreamError | Setback | undefined> {
  const watchdog = new Watchdog(PROBE)
  try {
    const answer = await request(options, url, {}, AbortSignal.any([signal, watchdog.signal]))
    await answer.body?.cancel()
    return undefined
  } catch (error) {
    if (error instanceof Setback) return error
    if (!(error instanceof StreamError)) return new Setback(unreachable(url))
    // Asking too often is no refusal for good.
    return error.retryAfter === undefined ? error : new Setback(error)
  } finally {
    watchdog.stop()
  }
}

function blocked(answer: StreamError | undefined): StreamError {
  const elsewhere = !answer || !isOwn(answer) || answer.code === 'route_not_found'
  const why = elsewhere ? 'It serves no streams over HTTP there.' : answer.message
  return new StreamError('blocked', `WebSockets do not reach the server. ${why}`)
}

function stranger(url: string): StreamError {
  return new StreamError('unreachable', `${new URL(url).host} is not a Millrace server.`)
}
