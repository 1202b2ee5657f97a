/**
 * Where server-sent events go: the raw `node:http` response, where there is one, and a body that is
 * pulled otherwise. A `Response` whose body is a stream costs several times a plain write.
 */
import type { Buffer } from 'node:buffer'
import type { ServerResponse } from 'node:http'

export interface SseListener {
  /** There is room again after a write that said there was none. */
  drained(): void
  /** The reader has gone, or the response was ended. */
  ended(): void
}

export interface SseResponse {
  /** What the handler returns. */
  readonly response: Response
  /** Whether there is room for more. */
  write(data: Buffer): boolean
  end(): void
  /** Ends it at once, whatever of it waits. */
  cut(): void
}

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream',
  // Middleware and proxies that compress would collect events until they have a block of them.
  'cache-control': 'no-store, no-cache, no-transform',
  // nginx and others would collect events before they pass them on.
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
  // Nobody is told of a reader that has gone already.
  if (outgoing.destroyed) queueMicrotask(() => listener.ended())
  outgoing.writeHead(200, headers)
  outgoing.flushHeaders()
  outgoing.on('drain', () => listener.drained())
  outgoing.once('close', () => listener.ended())
  return {
    // The head is out: this one is passed over.
    response: new Response(null),
    write: (data) => !outgoing.destroyed && !outgoing.writableEnded && outgoing.write(data),
    end: () => void outgoing.end(),
    cut: () => void outgoing.destroy(),
  }
}

/** Bytes that wait to be pulled before a write says that there is no room. */
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
