/**
 * Why a WebSocket failed, which browsers and Node's own do not tell: the server is asked over plain HTTP,
 * first where streams are served, then at the path of the WebSocket itself.
 */
import { Setback, StreamError, unreachable } from './errors.ts'
import { type RequestOptions, isOwn, request } from './requests.ts'
import { Watchdog } from './watchdog.ts'

export interface DiagnosisOptions extends RequestOptions {
  /** Of the WebSocket. */
  readonly url: string
  /** Where streams are served over HTTP. */
  readonly door?: string | undefined
}

export interface Finding {
  /** Streams are to be had over HTTP. */
  readonly door: boolean
  /** What the server says no with. */
  readonly refusal?: StreamError
  /** Why there is no connection, as far as is known. */
  readonly error?: StreamError
}

/** Seconds for the server to say whether it is there. */
const PROBE = 5
/** An id that no stream has: a server that is there says that it is not. */
const NO_STREAM = '%40probe'

/** Never rejects. */
export async function diagnose(options: DiagnosisOptions, signal: AbortSignal): Promise<Finding> {
  const door =
    options.door === undefined ? undefined : await ask(options, `${options.door}/${NO_STREAM}`, signal)
  if (door instanceof StreamError && door.code === 'stream_not_found') return { door: true }
  // A server that is down need not be asked twice.
  if (door instanceof Setback) return { door: false, error: door.why }
  const path = await ask(options, options.url.replace(/^ws/, 'http'), signal)
  if (path instanceof Setback) return { door: false, error: path.why }
  if (path?.code === 'upgrade_required') return { door: false, error: blocked(door) }
  return path ? { door: false, refusal: path } : { door: false, error: stranger(options.url) }
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
    // Whoever asks too often is not refused for good.
    return error.retryAfter === undefined ? error : new Setback(error)
  } finally {
    watchdog.stop()
  }
}

function blocked(door: StreamError | undefined): StreamError {
  const elsewhere = !door || !isOwn(door) || door.code === 'route_not_found'
  const over = elsewhere ? 'and streams are not served over HTTP where they were looked for' : door.message
  return new StreamError('blocked', `The server is there, but WebSockets do not get through to it, ${over}.`)
}

function stranger(url: string): StreamError {
  return new StreamError('unreachable', `Something else than Millrace answers at ${new URL(url).host}.`)
}
