/** How WebSockets are treated. */
import type { ListenOptions } from '../../server/options.ts'
import { bytes, count, seconds } from './kinds.ts'
import type { OptionFor } from './option.ts'

export type WebSocketSettings = Pick<
  ListenOptions,
  'pingInterval' | 'pingTimeout' | 'maxLifetime' | 'handshakeTimeout' | 'maxMessageSize' | 'maxFragments'
>

export const WEBSOCKET_OPTIONS: readonly OptionFor<WebSocketSettings>[] = [
  {
    flags: '--ping-interval <seconds>',
    sets: 'pingInterval',
    kind: seconds('pingInterval'),
    description: 'Time between pings; 0 sends none',
  },
  {
    flags: '--ping-timeout <seconds>',
    sets: 'pingTimeout',
    kind: seconds('pingTimeout'),
    description: 'Time that a client has to answer a ping before it counts as gone',
  },
  {
    flags: '--websocket-timeout <seconds>',
    sets: 'maxLifetime',
    kind: seconds('maxLifetime'),
    description: 'Longest life of a connection; 0 sets none',
  },
  {
    flags: '--websocket-connect-timeout <seconds>',
    sets: 'handshakeTimeout',
    kind: seconds('handshakeTimeout'),
    description: 'Time for request headers to arrive, and for a consumer to accept a connection',
  },
  {
    flags: '--websocket-max-message-size <bytes>',
    sets: 'maxMessageSize',
    kind: bytes('maxMessageSize'),
    description: 'Largest message that a client may send: 1048576, 64k, 1MiB',
  },
  {
    flags: '--websocket-max-fragments <count>',
    sets: 'maxFragments',
    kind: count('maxFragments'),
    description: 'Most fragments that one message may come in',
  },
]
