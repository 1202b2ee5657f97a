/** Opens the channel layer that `--channel-layer` or `MILLRACE_CHANNEL_LAYER` names. */
import type { Logger } from '../logging/logger.ts'
import { noteVariable } from '../protocol/read-variables.ts'
import { hostSettings } from '../redis/hosts.ts'
import type { ChannelLayer } from './layer.ts'
import { memoryChannels } from './memory/layer.ts'
import type { ChannelLayerOptions } from './options.ts'
import { redisChannels } from './redis/queues/open.ts'

/** The default: a layer inside the process. */
export const DEFAULT_LAYER = 'memory:'

const VARIABLE = 'MILLRACE_CHANNEL_LAYER'

/** Many platforms name an application's Redis here. Used when the other variable is not set. */
const SHARED_VARIABLE = 'REDIS_URL'

const TAKES = 'it takes memory:, or a Redis as redis://host:6379/0, rediss:// for TLS'

export interface OpenLayerOptions extends ChannelLayerOptions {
  /**
   * Logs that Redis is away and back. Default: the logger of `millrace serve` and `millrace worker`; in any
   * other program nothing is logged.
   */
  readonly logger?: Logger | undefined
}

/**
 * Opens the channel layer that the variable `MILLRACE_CHANNEL_LAYER` names, or else `REDIS_URL`: `memory:`,
 * `redis://…` or `rediss://…`. `millrace serve --channel-layer` sets the variable, so that the command line
 * can choose the layer of an application that calls this. Without either variable the layer is inside the
 * process. A Redis needs the package `redis`, which is loaded then.
 *
 * @throws {RangeError} for a variable that names no layer. The text does not quote the address, which may
 * hold a password.
 */
export function layerFromEnvironment(options: OpenLayerOptions = {}): ChannelLayer {
  noteVariable(VARIABLE)
  const variable = process.env[VARIABLE] ? VARIABLE : SHARED_VARIABLE
  const where = process.env[variable] || DEFAULT_LAYER
  try {
    checkLayer(where)
  } catch (error) {
    throw new RangeError(`${variable} names no channel layer; ${(error as RangeError).message}`, {
      cause: error,
    })
  }
  return openLayer(where, options)
}

/**
 * Opens the layer at a place.
 *
 * @throws {RangeError} saying which places there are.
 */
export function openLayer(where: string, options: OpenLayerOptions = {}): ChannelLayer {
  checkLayer(where)
  if (where === DEFAULT_LAYER) return memoryChannels(options)
  return redisChannels({ ...options, url: where })
}

/** @throws {RangeError} for a text that names no layer. */
export function checkLayer(where: string): void {
  if (where === DEFAULT_LAYER) return
  try {
    if (!/^rediss?:/i.test(where)) throw new TypeError('another kind of address')
    hostSettings(where)
  } catch {
    // Neither quoted nor kept as the cause: an address may hold a password.
    throw new RangeError(TAKES)
  }
}
