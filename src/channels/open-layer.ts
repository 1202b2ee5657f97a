/** The channel layer that a text names, as `--channel-layer` and `MILLRACE_CHANNEL_LAYER` do. */
import type { Logger } from '../logging/logger.ts'
import { hostSettings } from '../redis/hosts.ts'
import { checkRedisIsInstalled } from '../redis/installed.ts'
import type { ChannelLayer } from './layer.ts'
import { memoryChannels } from './memory/layer.ts'
import type { ChannelLayerOptions } from './options.ts'
import { redisChannels } from './redis/queues/open.ts'

/** The layer when nothing is said: one inside the process. */
export const DEFAULT_LAYER = 'memory:'

const VARIABLE = 'MILLRACE_CHANNEL_LAYER'

/** Names the Redis of a whole application, on many a platform; where nothing else says, it holds. */
const SHARED_VARIABLE = 'REDIS_URL'

const TAKES = 'it takes memory:, or a Redis as redis://host:6379/0, rediss:// for TLS'

export interface OpenLayerOptions extends ChannelLayerOptions {
  /**
   * Is told that Redis is away and back. Default: where `millrace serve` and `millrace worker` log, and in any
   * other program nowhere.
   */
  readonly logger?: Logger | undefined
}

/**
 * Opens the channel layer that the variable `MILLRACE_CHANNEL_LAYER` names, or without it `REDIS_URL`:
 * `memory:`, `redis://…` or `rediss://…`. `millrace serve --channel-layer` sets the variable, so that an
 * application which opens its layer here can be told on the command line where it is. Without either
 * it is inside the process. A Redis takes the `redis` package, which is loaded then.
 *
 * @throws {RangeError} for a variable that names no layer; its text quotes no address, which may hold a
 * password.
 */
export function layerFromEnvironment(options: OpenLayerOptions = {}): ChannelLayer {
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
 * @throws {RangeError} saying what a place is, or what it lacks.
 */
export function openLayer(where: string, options: OpenLayerOptions = {}): ChannelLayer {
  checkLayer(where)
  if (where === DEFAULT_LAYER) return memoryChannels(options)
  checkRedisIsInstalled()
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
