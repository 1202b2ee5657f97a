/** The public entry of `millrace/redis`. */
export {
  type RedisAddress,
  type RedisChannelLayer,
  type RedisChannelsOptions,
  type RedisChannelsUsage,
  type RedisHost,
  redisChannels,
} from './channels/redis.ts'
