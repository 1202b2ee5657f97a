/** How much is served, and for how long. */
import type { ListenOptions } from '../../server/options.ts'
import type { ChangeableLimits } from '../../endpoints/streaming.ts'
import { bytes, count, places, seconds } from './kinds.ts'
import type { OptionFor } from './option.ts'

export interface LimitSettings extends Pick<
  ListenOptions,
  | 'maxConnections'
  | 'maxUnsent'
  | 'unreadTimeout'
  | 'requestTimeout'
  | 'httpTimeout'
  | 'keepAliveTimeout'
  | 'shutdownTimeout'
> {
  /** How much may be started; they win over what the application says. */
  readonly runsPerOwner?: number
  readonly runsPerAddress?: number
  readonly runsPerProcess?: number
  readonly startsPerOwner?: number
  readonly startsPerAddress?: number
}

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
    flags: '--request-timeout <seconds>',
    sets: 'requestTimeout',
    kind: seconds('requestTimeout'),
    description: 'Time for a whole HTTP request to arrive, its body included; 0 sets no limit',
  },
  {
    flags: '-t, --http-timeout <seconds>',
    sets: 'httpTimeout',
    kind: seconds('httpTimeout'),
    description: 'Time for an HTTP answer to begin; 0 sets no limit',
  },
  {
    flags: '--max-runs-per-owner <count>',
    sets: 'runsPerOwner',
    kind: places,
    description: 'Most runs of one owner at one time, in all processes; further starts are answered 429',
    absent: 'what the application says, or 100',
  },
  {
    flags: '--max-runs-per-address <count>',
    sets: 'runsPerAddress',
    kind: places,
    description: 'Most runs at one time of one client address, where nobody is asked who they are',
    absent: 'what the application says, or 20',
  },
  {
    flags: '--max-runs <count>',
    sets: 'runsPerProcess',
    kind: places,
    description: 'Most runs of one process at one time',
    absent: 'what the application says, or 1000',
  },
  {
    flags: '--max-starts-per-owner <count>',
    sets: 'startsPerOwner',
    kind: places,
    description: 'Most starts of one owner in any minute',
    absent: 'what the application says, or 60',
  },
  {
    flags: '--max-starts-per-address <count>',
    sets: 'startsPerAddress',
    kind: places,
    description: 'Most starts in any minute of one client address, where nobody is asked who they are',
    absent: 'what the application says, or 60',
  },
  {
    flags: '--keep-alive-timeout <seconds>',
    sets: 'keepAliveTimeout',
    kind: seconds('keepAliveTimeout'),
    description: 'Time that an HTTP connection without a request is kept open; 0 sets no limit',
  },
  CLOSE_TIMEOUT_OPTION,
]

/** The limits of starts among all settings: those that were given. */
export function startLimits(settings: LimitSettings): Partial<ChangeableLimits> {
  const { runsPerOwner, runsPerAddress, runsPerProcess, startsPerOwner, startsPerAddress } = settings
  const all = { runsPerOwner, runsPerAddress, runsPerProcess, startsPerOwner, startsPerAddress }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
