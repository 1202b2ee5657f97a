/** Where Millrace writes what happened. A pino logger fits; so does any object of this shape. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Discards everything. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** On `globalThis`, because the command and the application may load two copies of this module. */
const SHARED: unique symbol = Symbol.for('millrace.logger') as never
const registry = globalThis as { [SHARED]?: Logger }

/** Makes a logger the default of all that is made in this process: how `millrace serve` sets levels and looks. */
export function shareLogger(logger: Logger): void {
  registry[SHARED] = logger
}

/** Undefined outside of Millrace's own commands. */
export function sharedLogger(): Logger | undefined {
  return registry[SHARED]
}

/** What stores, layers and runs log to unless told otherwise: the shared logger, or nothing. */
export function libraryLogger(): Logger {
  return sharedLogger() ?? silentLogger
}
