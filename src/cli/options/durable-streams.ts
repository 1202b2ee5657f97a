/** How the demo serves streams over HTTP. An application in a file says so itself. */
import { WRITE_LIMITS } from '../../endpoints/http/writes/allowances.ts'
import { READ_DEFAULTS } from '../../endpoints/http/reads/reads.ts'
import { UsageError } from '../command-error.ts'
import { places, wait, yes } from './kinds.ts'
import { type OptionFor, flagOf } from './option.ts'

export interface DurableStreamsSettings {
  /** Serves the Durable Streams protocol. */
  readonly durableStreams?: boolean
  /** Seconds. */
  readonly longPollTimeout?: number
  /** In any minute. */
  readonly creationsPerAddress?: number
  readonly bytesPerAddress?: number
}

export const DURABLE_STREAMS_DEFAULTS = {
  durableStreams: false,
  longPollTimeout: READ_DEFAULTS.longPollTimeout,
  creationsPerAddress: WRITE_LIMITS.creationsPerAddress,
  bytesPerAddress: WRITE_LIMITS.bytesPerAddress,
} as const satisfies DurableStreamsSettings

export const DURABLE_STREAMS_OPTIONS: readonly OptionFor<DurableStreamsSettings>[] = [
  {
    flags: '--durable-streams',
    sets: 'durableStreams',
    kind: yes,
    description:
      'Serve the Durable Streams protocol at /v1/stream; clients of other machines need --allow-anonymous',
  },
  {
    flags: '--long-poll-timeout <seconds>',
    sets: 'longPollTimeout',
    kind: wait,
    description: 'Time that a long poll at the end of a stream waits for what comes next',
  },
  {
    flags: '--max-creations-per-address <count>',
    sets: 'creationsPerAddress',
    kind: places,
    description: 'Most streams that a client address of another machine creates in any minute',
  },
  {
    flags: '--max-bytes-per-address <bytes>',
    sets: 'bytesPerAddress',
    kind: places,
    description: 'Most bytes that a client address of another machine writes to streams in a minute',
  },
]

/** @throws {UsageError} for any of them with the file of an application. */
export function durableStreamsSettings(
  settings: DurableStreamsSettings,
  file?: string,
): Required<DurableStreamsSettings> {
  const given = DURABLE_STREAMS_OPTIONS.find(({ sets }) => settings[sets] !== undefined)
  if (file !== undefined && given) {
    throw new UsageError(
      `${flagOf(given)} is for the demo; an application has durableStreams('/v1/stream', { longPollTimeout, … }) among its routes`,
    )
  }
  const all = { ...DURABLE_STREAMS_DEFAULTS, ...settings }
  const { durableStreams, longPollTimeout, creationsPerAddress, bytesPerAddress } = all
  return { durableStreams, longPollTimeout, creationsPerAddress, bytesPerAddress }
}
