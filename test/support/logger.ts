import type { Logger } from '../../src/logging/logger.ts'

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: object
}

/** A logger that keeps what it is told. Errors are kept as text, stack included. */
export interface CollectingLogger extends Logger {
  readonly entries: LogEntry[]
}

export function collectingLogger(): CollectingLogger {
  const entries: LogEntry[] = []
  const at = (level: LogEntry['level']) => (fields: object, message: string) => {
    const err: unknown = 'err' in fields ? fields.err : undefined
    const text = err instanceof Error ? { err: `${err.stack}` } : {}
    entries.push({ level, message, fields: { ...fields, ...text } })
  }
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
