/** How much is served, and for how long. */
import type { ListenOptions } from '../../server/options.ts'
import { bytes, count, seconds } from './kinds.ts'
import type { OptionFor } from './option.ts'

export type LimitSettings = Pick<
  ListenOptions,
  'maxConnections' | 'maxUnsent' | 'unreadTimeout' | 'httpTimeout' | 'shutdownTimeout'
>

export const CLOSE_TIMEOUT_OPTION: OptionFor<Pick<LimitSettings, 'shutdownTimeout'>> = {
  flags: '--application-close-timeout <seconds>',
  sets: 'shutdownTimeout',
  kind: seconds('shutdownTimeout'),
  description: 'Time that a shutdown gives handlers and answers under way',
}

export const LIMIT_OPTIONS: readonly OptionFor<LimitSettings>[] = [
  {
    flags: '--max-connections <count>',
    sets: 'maxConnections',
    kind: count('maxConnections'),
    description: 'Most WebSockets at one time; further ones are answered 503',
  },
  {
    flags: '--max-unsent <bytes>',
    sets: 'maxUnsent',
    kind: bytes('maxUnsent'),
    description: 'Most that may wait for a client whose handler does not; one with more is cut off',
  },
  {
    flags: '--unread-timeout <seconds>',
    sets: 'unreadTimeout',
    kind: seconds('unreadTimeout'),
    description: 'Time in which a client takes nothing of what waits for it before it is cut off',
  },
  {
    flags: '-t, --http-timeout <seconds>',
    sets: 'httpTimeout',
    kind: seconds('httpTimeout'),
    description: 'Time for an HTTP answer to begin; 0 sets no limit',
  },
  CLOSE_TIMEOUT_OPTION,
]
