/** How the demo serves streams over HTTP. An application in a file says so itself. */
import { READ_DEFAULTS } from '../../endpoints/http-streams/reads.ts'
import { UsageError } from '../command-error.ts'
import { wait, yes } from './kinds.ts'
import { type OptionFor, flagOf } from './option.ts'

export interface DurableStreamsSettings {
  /** Serves the Durable Streams protocol. */
  readonly durableStreams?: boolean
  /** Seconds. */
  readonly longPollTimeout?: number
}

export const DURABLE_STREAMS_DEFAULTS = {
  durableStreams: false,
  longPollTimeout: READ_DEFAULTS.longPollTimeout,
} as const satisfies DurableStreamsSettings

export const DURABLE_STREAMS_OPTIONS: readonly OptionFor<DurableStreamsSettings>[] = [
  {
    flags: '--durable-streams',
    sets: 'durableStreams',
    kind: yes,
    description:
      'Serve the Durable Streams protocol at /v1/stream: whoever reaches the server writes streams',
  },
  {
    flags: '--long-poll-timeout <seconds>',
    sets: 'longPollTimeout',
    kind: wait,
    description: 'Time that a long poll at the end of a stream waits for what comes next',
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
  const { durableStreams, longPollTimeout } = { ...DURABLE_STREAMS_DEFAULTS, ...settings }
  return { durableStreams, longPollTimeout }
}
