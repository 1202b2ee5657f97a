/** The only place that knows pino. */
import { type DestinationStream, destination, pino } from 'pino'
import { errorFields } from './error-fields.ts'
import type { Logger } from './logger.ts'

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

/** On `globalThis`, because the command and the application may load two copies of this module. */
const SHARED: unique symbol = Symbol.for('millrace.logger') as never
const registry = globalThis as { [SHARED]?: Logger }

/** Makes a logger the default of every application in this process: how `millrace serve` sets levels and looks. */
export function shareLogger(logger: Logger): void {
  registry[SHARED] = logger
}

/** What an application logs to unless told otherwise: the shared logger, or lines of JSON from `info` up. */
export function defaultLogger(): Logger {
  return registry[SHARED] ?? createLogger()
}
