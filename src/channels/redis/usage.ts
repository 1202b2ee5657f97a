/** What a layer holds at this moment, and what it lost since it was made. */
export interface RedisChannelsUsage {
  /** Channels of `newChannel` not yet released. */
  readonly channels: number
  /** Messages that wait in them, and receivers that wait, for them and for channels without a `!`. */
  readonly messages: number
  readonly receivers: number
  /** Groups with channels of this process, and pairs of a group and a channel. */
  readonly groups: number
  readonly memberships: number
  /**
   * Messages dropped because their channel was full: those that came here, and of group sends from here those
   * that no room was found for.
   */
  readonly dropped: number
  /** Messages dropped here because nobody received them in time. */
  readonly expired: number
  /** Messages dropped here because they could not be read: another key, another format. */
  readonly unreadable: number
}

/** The same of a layer on pub/sub. */
export interface RedisPubSubChannelsUsage extends RedisChannelsUsage {
  /** Topics that this process is subscribed to, or will be when Redis is back: groups and named channels. */
  readonly topics: number
  /** Messages sent from here, not to groups, while no process listened. */
  readonly unheard: number
  /** How often listening was interrupted: messages of others may have been missed each time. */
  readonly gaps: number
}
