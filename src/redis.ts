/** The public entry of `millrace/redis`. */
export {
  type RedisAddress,
  type RedisChannelLayer,
  type RedisChannelsOptions,
  type RedisChannelsUsage,
  type RedisHost,
  redisChannels,
} from './channels/redis/queues/open.ts'
export {
  type RedisPubSubChannelLayer,
  type RedisPubSubChannelsOptions,
  type RedisPubSubChannelsUsage,
  redisPubSubChannels,
} from './channels/redis/pubsub/open.ts'
export type { Serializer } from './channels/redis/codec/codec.ts'
export type { RedisLayerOptions } from './channels/redis/settings.ts'
export { type RedisStoreOptions, redis } from './streams/redis/open.ts'
