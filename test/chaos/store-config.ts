/** The stores of the chaos test, as the workers are told of them. */
import { type Logger, type StreamStore, sqliteStreams } from 'millrace'
import { type RedisStreamsOptions, redisStreams } from 'millrace/redis'

export type StoreConfig =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'redis'; readonly options: RedisStreamsOptions }

export function openChaosStore(config: StoreConfig, logger: Logger): StreamStore {
  if (config.type === 'sqlite') return sqliteStreams(config.path, { logger })
  return redisStreams({ ...config.options, logger })
}
