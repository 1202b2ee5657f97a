/** The only place that knows pino-pretty; loaded when a person reads the log. */
import type { DestinationStream } from 'pino'
import pretty from 'pino-pretty'

/** Writes lines for people on standard output: in colour on a terminal that has it. */
export function prettyOutput(colour: boolean): DestinationStream {
  return pretty({
    colorize: colour,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname,name',
    singleLine: true,
    // Synchronous, so that the last lines before an exit are written.
    sync: true,
    destination: 1,
  })
}
