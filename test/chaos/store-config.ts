/** The stores of the chaos test, as the workers are told of them. */
import { type Logger, type StreamStore, sqlite } from 'millrace'
import { type RedisStoreOptions, redis } from 'millrace/redis'

export type StoreConfig =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'redis'; readonly options: RedisStoreOptions }

export function openChaosStore(config: StoreConfig, logger: Logger): StreamStore {
  if (config.type === 'sqlite') return sqlite(config.path, { logger })
  return redis({ ...config.options, logger })
}
