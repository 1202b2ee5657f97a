/** What is logged, and how. */
import type { LogLevel } from '../../logging/pino.ts'
import type { ListenOptions } from '../../server/options.ts'
import { choice, yes } from './kinds.ts'
import type { OptionFor } from './option.ts'

export type LogFormat = 'pretty' | 'json'

export interface LoggingSettings extends Pick<ListenOptions, 'accessLog'> {
  readonly verbosity?: LogLevel
  readonly logFormat?: LogFormat
}

export const VERBOSITY_OPTION: OptionFor<Pick<LoggingSettings, 'verbosity'>> = {
  flags: '-v, --verbosity <level>',
  sets: 'verbosity',
  kind: choice(['error', 'warn', 'info', 'debug'], { 0: 'warn', 1: 'info', 2: 'debug', 3: 'debug' }),
  description: "The least to log: error, warn, info or debug, or Daphne's 0 to 3",
}

export const LOG_FORMAT_OPTION: OptionFor<Pick<LoggingSettings, 'logFormat'>> = {
  flags: '--log-format <format>',
  sets: 'logFormat',
  kind: choice(['pretty', 'json']),
  description: 'Lines for people (pretty) or for programs (json)',
  absent: 'pretty on a terminal, otherwise json',
}

export const LOGGING_OPTIONS: readonly OptionFor<LoggingSettings>[] = [
  {
    flags: '--access-log',
    sets: 'accessLog',
    kind: yes,
    description: 'Log each request and each WebSocket',
  },
  VERBOSITY_OPTION,
  LOG_FORMAT_OPTION,
]
