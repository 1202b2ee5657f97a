/** The options that several commands have; serve.ts has the rest, and what they set. */
import { channelLayer, choice, seconds, store, text } from './kinds.ts'
import { variableOf } from './option.ts'
import type { ServeOption, ServeSettings } from './serve.ts'

export const STORE_OPTION: ServeOption = {
  flags: '--store <where>',
  sets: 'store',
  kind: store,
  description:
    'Where streams are kept: memory:, the path of an SQLite file (or sqlite:<path>), or redis://host:6379/0',
}

export const LAYER_OPTION: ServeOption = {
  flags: '--channel-layer <where>',
  sets: 'channelLayer',
  kind: channelLayer,
  description: 'Where the channel layer is: memory: for inside each process, or redis://host:6379/0',
}

export const EXPORT_OPTION: ServeOption = {
  flags: '--export <name>',
  sets: 'exportName',
  kind: text,
  description: 'Which export of the file is the application',
}

export const CLOSE_TIMEOUT_OPTION: ServeOption = {
  flags: '--application-close-timeout <seconds>',
  sets: 'shutdownTimeout',
  kind: seconds('shutdownTimeout'),
  description: 'Time that a shutdown gives handlers and answers under way',
}

export const VERBOSITY_OPTION: ServeOption = {
  flags: '-v, --verbosity <level>',
  sets: 'verbosity',
  kind: choice(['error', 'warn', 'info', 'debug'], { 0: 'warn', 1: 'info', 2: 'debug', 3: 'debug' }),
  description: "The least to log: error, warn, info or debug, or Daphne's 0 to 3",
}

export const LOG_FORMAT_OPTION: ServeOption = {
  flags: '--log-format <format>',
  sets: 'logFormat',
  kind: choice(['pretty', 'json']),
  description: 'Lines for people (pretty) or for programs (json)',
  absent: 'pretty on a terminal, otherwise json',
}

/** Tells an application that opens its store and its channel layer by what the environment says. */
export function setVariables({ store: where, channelLayer: layer }: ServeSettings): void {
  if (where !== undefined) process.env[variableOf(STORE_OPTION)] = where
  if (layer !== undefined) process.env[variableOf(LAYER_OPTION)] = layer
}
