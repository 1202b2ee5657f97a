/** What a connection needs of a WebSocket; a test hands in its own. */
export interface Socket {
  send(text: string): void
  close(): void
}

/** Called by a socket: `open` at most once, then messages, then `close` once. Never before it is returned. */
export interface SocketHandlers {
  open(): void
  message(data: unknown): void
  /** `code` is the WebSocket close code; 1006 when the peer sent none. */
  close(code: number): void
}

export type OpenSocket = (handlers: SocketHandlers) => Socket

/**
 * The WebSocket address of `path` beside the page at `base`: a relative path keeps the server's root
 * path, and the scheme follows the page's.
 */
export function socketUrl(path: string, base: string): string {
  const url = new URL(path, base)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/** Opens the browser's own WebSockets to `url`. */
export function socketOpener(url: string): OpenSocket {
  return (handlers) => {
    const socket = new WebSocket(url)
    socket.addEventListener('open', () => handlers.open())
    socket.addEventListener('message', (event) => handlers.message(event.data))
    socket.addEventListener('close', (event) => handlers.close(event.code))
    return {
      send: (text) => socket.send(text),
      close: () => socket.close(1000),
    }
  }
}
