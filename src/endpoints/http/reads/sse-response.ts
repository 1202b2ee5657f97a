/**
 * Where server-sent events go: the raw `node:http` response if there is one, otherwise a pulled body. A `Response`
 * with a stream as its body costs several times as much as a plain write.
 */
import type { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'

export interface SseListener {
  /** There is room again after a write that returned false. */
  drained(): void
  /** The reader left, or the response ended. */
  ended(): void
}

export interface SseResponse {
  /** What the handler returns. */
  readonly response: Response
  /** Whether there is room for more. */
  write(data: Buffer): boolean
  end(): void
  /** Ends it at once, and drops unsent data. */
  cut(): void
}

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream',
  // Compressing middleware and proxies would buffer events.
  'cache-control': 'no-store, no-cache, no-transform',
  // nginx and others would buffer events.
  'x-accel-buffering': 'no',
}

export function openSse(
  headers: Readonly<Record<string, string>>,
  outgoing: ServerResponse | undefined,
  listener: SseListener,
): SseResponse {
  return outgoing ? rawSse(headers, outgoing, listener) : pulledSse(headers, listener)
}

function rawSse(
  headers: Readonly<Record<string, string>>,
  outgoing: ServerResponse,
  listener: SseListener,
): SseResponse {
  // A reader that left already causes no event.
  if (outgoing.destroyed) queueMicrotask(() => listener.ended())
  outgoing.writeHead(200, headers)
  outgoing.flushHeaders()
  outgoing.on('drain', () => listener.drained())
  outgoing.once('close', () => listener.ended())
  return {
    // The head is written already; the server ignores this response.
    response: new Response(null),
    write: (data) => !outgoing.destroyed && !outgoing.writableEnded && outgoing.write(data),
    end: () => void outgoing.end(),
    cut: () => void outgoing.destroy(),
  }
}

/** Bytes that wait to be pulled before a write returns false. */
const WAITING_BYTES = 65_536

function pulledSse(headers: Readonly<Record<string, string>>, listener: SseListener): SseResponse {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => void (controller = given),
      pull: () => listener.drained(),
      cancel: () => {
        controller = undefined
        listener.ended()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES }),
  )
  return {
    response: new Response(body, { headers }),
    write: (data) => {
      controller?.enqueue(data)
      return (controller?.desiredSize ?? 0) > 0
    },
    end: () => {
      controller?.close()
      controller = undefined
      listener.ended()
    },
    cut: () => {
      controller?.error(new Error('The reader is too slow'))
      controller = undefined
      listener.ended()
    },
  }
}
