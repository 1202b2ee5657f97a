import { pino } from 'pino'
import type { Logger } from './logger.ts'

/** JSON lines on standard output, from `info` up: what an application logs to unless told otherwise. */
export function defaultLogger(): Logger {
  return pino({ name: 'millrace' })
}
