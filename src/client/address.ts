/** Where a server's streams are, over WebSockets and over HTTP, by what `connect` was given. */

export interface AddressOptions {
  /**
   * Where the application mounted its runs, with an address that is an origin: what the server's option `path`
   * says. Default `/millrace`.
   */
  readonly path?: string
  /**
   * Where the server serves streams over HTTP, for networks that WebSockets do not get through. Default
   * `/millrace/streams` with an origin, and `/streams` of the same server with any other address; false never
   * falls back.
   */
  readonly http?: string | false
}

export interface Address {
  /** Of the stream socket, `ws:` or `wss:`. */
  readonly socket: string
  /** Where the ids of streams are appended, without a slash at the end; undefined for nowhere. */
  readonly streams: string | undefined
  /**
   * False for a path where there is no page, such as on a server that renders one, and for a protocol that is not
   * HTTP's: that of a page from a file, for one. Nothing can be asked there.
   */
  readonly isWhole: boolean
}

/**
 * An address whose path is `/` is an origin, where `millrace({ runs })` mounts its endpoints. Any other is the
 * address of a stream socket.
 *
 * @throws {TypeError} for an invalid address, and for a `path` with an address that is no origin.
 */
export function addressOf(url: string, { path, http }: AddressOptions): Address {
  const { location } = globalThis as { location?: { href: string } }
  const socket = new URL(url, location?.href ?? 'http://page')
  let streams = '/streams'
  if (socket.pathname === '/') {
    socket.pathname = `${(path ?? '/millrace').replace(/\/$/, '')}/socket`
    // Beside the socket.
    streams = 'streams'
  } else if (path !== undefined) throw new TypeError('path needs an origin')
  socket.protocol = socket.protocol.replace('http', 'ws')
  return {
    socket: socket.href,
    streams:
      http === false
        ? undefined
        : new URL(http ?? streams, socket).href.replace(/^ws/, 'http').replace(/\/$/, ''),
    isWhole: /^(http|ws)/.test(location ? socket.protocol : url),
  }
}
