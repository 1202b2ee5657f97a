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
  /** Messages dropped here because their channel was full. */
  readonly dropped: number
  /** Messages dropped here because they could not be read: another key, another format. */
  readonly unreadable: number
}
