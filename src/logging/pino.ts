/** The only place that knows pino. */
import { type DestinationStream, destination, pino } from 'pino'
import { errorFields } from './error-fields.ts'
import { type Logger, sharedLogger } from './logger.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface LoggerOptions {
  /** The least of what is logged. */
  readonly level?: LogLevel
  /** Where lines of JSON go; standard output by default. */
  readonly output?: DestinationStream
  /** Which of several processes this is; every line says so. */
  readonly worker?: number | undefined
}

/** What the fields of a log line may be called that carry secrets, at their top and one level down. */
const SECRETS = [
  'headers',
  'cookies',
  'cookie',
  'set-cookie',
  'authorization',
  'apiKey',
  'password',
  'secret',
]
const SECRET_PATHS = [...SECRETS.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), 'scope.query']

export function createLogger({ level = 'info', output, worker }: LoggerOptions = {}): Logger {
  // Synchronous, so that the last lines before an exit are written.
  const logger = pino(
    {
      name: 'millrace',
      level,
      serializers: { err: errorFields },
      redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    },
    output ?? destination({ dest: 1, sync: true }),
  )
  return worker === undefined ? logger : logger.child({ worker })
}

/** What an application logs to unless told otherwise: the shared logger, or lines of JSON from `info` up. */
export function defaultLogger(): Logger {
  return sharedLogger() ?? createLogger()
}
