/**
 * The keys of channels_redis in Redis, and the names that only this layer uses among them.
 *
 * A queue is a sorted set. Its key is the prefix and the channel's name up to and with the `!`, so all
 * channels of one process share a queue. A group is a sorted set of channel names.
 *
 * A process lists its channels in a group by their names, where Python's `group_discard` finds them. It also
 * adds a mark, which is not a channel: while the mark is there, a missing name was taken out. A group with
 * many channels of a process has one member for all of them instead, a name of that process that stands for
 * the group. Python writes it beside a message like any other name, and the process that reads it gives the
 * message to its own members. docs/decisions/0006-members-that-python-can-discard.md says why.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** The member of a message on the wire that names the channel, or the channels, it is for. */
export const RECEIVERS = '__asgi_channel__'

/** The name of a channel's queue: the channel's name up to and with the `!`. */
export function queueName(channel: string): string {
  return channel.slice(0, channel.indexOf('!') + 1) || channel
}

/** Which of several hosts has a queue, a group or a topic, as channels_redis computes it. */
export function shardOf(name: string, hosts: number): number {
  return hosts === 1 ? 0 : Math.floor((crc32(name) & 0xfff) / (4096 / hosts))
}

export class WireNames {
  readonly prefix: string

  constructor(prefix: string) {
    this.prefix = prefix
  }

  queue(channel: string): string {
    return this.prefix + queueName(channel)
  }

  group(group: string): string {
    return `${this.prefix}:group:${group}`
  }

  /** The key of the processes that live: their inboxes, scored by the time of the last sign of life. */
  get processes(): string {
    return `${this.prefix}:processes`
  }

  /** Whether a key belongs to a layer; another program's key may begin with the prefix, too. */
  isKey(key: string): boolean {
    const name = key.slice(this.prefix.length)
    return (
      key.startsWith(this.prefix) &&
      /^(:group:|:processes$|:wake:|[\w\-.]+(![\w\-.]*)?(\$inflight)?$)/.test(name)
    )
  }
}

/** The process that receives a channel with a `!`: the part of its name between the last `.` and the `!`. */
export function processOf(channel: string): string {
  const end = channel.indexOf('!')
  return channel.slice(channel.lastIndexOf('.', end) + 1, end)
}

/** The queue that every process has, and by which it is known. */
export function inboxOf(process: string): string {
  return `specific.${process}!`
}

const GROUP_MARK = '!group.'

/** The member of a group that stands for all channels of a process; 80 characters. */
export function groupMember(process: string, group: string): string {
  return `specific.${process}${GROUP_MARK}${groupDigest(group)}`
}

const PRESENCE_MARK = '!here.'

/** The member of a group whose presence says that Redis still has what this process put in the group. */
export function groupMark(process: string, group: string): string {
  return `specific.${process}${PRESENCE_MARK}${groupDigest(group)}`
}

/** Whether a member of a group is the mark of some process, and not the name of a channel. */
export function isGroupMark(member: string): boolean {
  return member.includes(PRESENCE_MARK)
}

/** The digest of the group that a member stands for; undefined for the name of a channel. */
export function digestIn(member: string): string | undefined {
  const at = member.indexOf(GROUP_MARK)
  return at < 0 ? undefined : member.slice(at + GROUP_MARK.length)
}

/** A short form of a group's name, which may have all of the 99 characters of a channel's. */
export function groupDigest(group: string): string {
  return createHash('sha256').update(group).digest('hex').slice(0, 32)
}
