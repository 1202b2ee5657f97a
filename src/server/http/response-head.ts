/**
 * The headers of a fetch `Response` that may be sent. Headers of another connection, and of an encoding that
 * the body does not have any more, are left out. The result of a `fetch` that a handler returns has both.
 */
import type { ServerResponse } from 'node:http'
import { brotliDecompressSync, constants } from 'node:zlib'

/**
 * Headers of the connection that a response came on (RFC 9110 section 7.6.1), not of the one it is sent on.
 */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Headers that a handler's own response must not set, because `node:http` frames the body. */
const FRAMING: readonly string[] = ['keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding']

const ALWAYS: ReadonlySet<string> = new Set(FRAMING)

/** The status whose answer has no length (RFC 9110 section 8.6). */
const NO_CONTENT = 204

/** Codings that `fetch` decodes while leaving them in the headers. */
const UNDONE = /^(?:x-)?(?:gzip|deflate|br|zstd)$/

/** Headers that are lists, whose values are joined. */
const LISTS: ReadonlySet<string> = new Set(['vary', 'access-control-expose-headers'])

/** Bytes to which the beginning of a body is decoded to recognise it. */
const TRIED = 64 * 1024

/** How bodies of these codings begin. */
const BEGINNINGS: Readonly<Record<string, (body: Uint8Array) => boolean>> = {
  gzip: (body) => body[0] === 0x1f && body[1] === 0x8b,
  // The header of zlib (RFC 1950): a method of 8 and a checksum.
  deflate: ([first = 0, second = 0]) => (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0,
  // Brotli has no mark, so this tries to decode it. Few texts decode as its beginning.
  br: (body) => {
    try {
      const finishFlush = constants.BROTLI_OPERATION_FLUSH
      brotliDecompressSync(body, { finishFlush, maxOutputLength: TRIED })
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    }
  },
  zstd: (body) => body[0] === 0x28 && body[1] === 0xb5 && body[2] === 0x2f && body[3] === 0xfd,
}

/** Whether the headers depend on the beginning of the body. */
export function needsBeginning(response: Response): boolean {
  return !isFetched(response) && beginsAs(codingsOf(response)) !== undefined
}

/** Sets status and headers. `beginning` is the first part of the body, if there is one. */
export function setHead(outgoing: ServerResponse, response: Response, beginning?: Uint8Array): void {
  const { headers, status } = response
  const leftOut = leftOutOf(response, beginning)
  if (headers.has('access-control-allow-origin')) forgetCrossing(outgoing)
  for (const [name, value] of headers) {
    if (name === 'set-cookie' || leftOut.has(name)) continue
    const before = LISTS.has(name) ? outgoing.getHeader(name) : undefined
    outgoing.setHeader(name, before === undefined ? value : `${String(before)}, ${value}`)
  }
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies)
  if (/^text\/event-stream\b/i.test(headers.get('content-type') ?? '')) keepFlowing(outgoing)
  // Bytes beyond a wrong length would become part of the next answer.
  outgoing.strictContentLength = outgoing.hasHeader('content-length')
  outgoing.statusCode = status
}

/** The lower-case names of headers that are not sent. `beginning` is the first part of the body. */
export function leftOutOf(response: Response, beginning?: Uint8Array): ReadonlySet<string> {
  const fetched = isFetched(response)
  const decoded = isDecoded(response, beginning)
  if (!fetched && !decoded && response.status !== NO_CONTENT) return ALWAYS
  return new Set([
    ...(fetched ? [...HOP_BY_HOP, ...listOf(response.headers.get('connection'))] : FRAMING),
    ...(decoded ? ['content-encoding', 'content-length'] : []),
    ...(response.status === NO_CONTENT ? ['content-length'] : []),
  ])
}

/** Whether `fetch` made the response; one that a handler made has no URL. */
function isFetched(response: Response): boolean {
  return Boolean(response.url)
}

/** Whether the headers name a coding that has been decoded. */
function isDecoded(response: Response, beginning: Uint8Array | undefined): boolean {
  const codings = codingsOf(response)
  if (codings.length === 0) return false
  if (isFetched(response)) return codings.every((coding) => UNDONE.test(coding))
  const begins = beginsAs(codings)
  return begins !== undefined && beginning !== undefined && beginning.length > 0 && !begins(beginning)
}

/** The test for the coding that was applied last. */
function beginsAs(codings: readonly string[]): ((body: Uint8Array) => boolean) | undefined {
  return BEGINNINGS[codings.at(-1)?.replace(/^x-/, '') ?? '']
}

function codingsOf({ headers }: Response): string[] {
  return listOf(headers.get('content-encoding')).filter((coding) => coding !== 'identity')
}

/** Keeps proxies and middleware from buffering events, or compressing them, which buffers them, too. */
function keepFlowing(outgoing: ServerResponse): void {
  const kept = String(outgoing.getHeader('cache-control') ?? 'no-store')
  outgoing.setHeader('cache-control', /\bno-transform\b/i.test(kept) ? kept : `${kept}, no-transform`)
  if (!outgoing.hasHeader('x-accel-buffering')) outgoing.setHeader('x-accel-buffering', 'no')
}

/** Removes CORS headers, for a handler that sets its own. */
function forgetCrossing(outgoing: ServerResponse): void {
  for (const name of outgoing.getHeaderNames()) {
    if (name.startsWith('access-control-')) outgoing.removeHeader(name)
  }
}

function listOf(text: string | null): string[] {
  return (text ?? '')
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter(Boolean)
}
