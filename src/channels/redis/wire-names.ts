/**
 * Where channels_redis keeps what, and the names that only this layer uses within that scheme.
 *
 * A queue is a sorted set under the prefix and the channel's name, up to and with its `!`, so that all
 * channels of one process share one. A group is a sorted set of channel names.
 *
 * A process lists its channels in a group by their names, where Python's `group_discard` finds them, and
 * beside them a mark that is no channel: while the mark is there, whoever is missing was taken out. A group
 * with many channels of a process has one member for all of them instead, a name of that process that stands
 * for the group. Python writes it beside a message as it writes any other name, and the process that reads it
 * gives the message to its own members. docs/decisions/0006-members-that-python-can-discard.md says why.
 */
import { createHash } from 'node:crypto'

/** Beside a message's members on the wire: the channel, or a list of channels, it is for. */
export const RECEIVERS = '__asgi_channel__'

/** The name that a queue is known by: the channel's, up to and with the `!`. */
export function queueName(channel: string): string {
  return channel.slice(0, channel.indexOf('!') + 1) || channel
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

  /** Processes of this layer that live: their inboxes, by the time they last said so. */
  get processes(): string {
    return `${this.prefix}:processes`
  }

  /** Whether a key under the prefix is one of a layer; another program's key may begin alike. */
  isKey(key: string): boolean {
    const name = key.slice(this.prefix.length)
    return (
      key.startsWith(this.prefix) &&
      /^(:group:|:processes$|:wake:|[\w\-.]+(![\w\-.]*)?(\$inflight)?$)/.test(name)
    )
  }
}

/** The process that receives a channel with a `!`, as its name says: what is between the last `.` and the `!`. */
export function processOf(channel: string): string {
  const end = channel.indexOf('!')
  return channel.slice(channel.lastIndexOf('.', end) + 1, end)
}

/** The queue that every process has, and is known by. */
export function inboxOf(process: string): string {
  return `specific.${process}!`
}

const GROUP_MARK = '!group.'

/** The member of a group that stands for all channels of a process; 80 characters. */
export function groupMember(process: string, group: string): string {
  return `specific.${process}${GROUP_MARK}${groupDigest(group)}`
}

const PRESENCE_MARK = '!here.'

/** The member of a group that only says that Redis kept the group, and what this process put in it. */
export function groupMark(process: string, group: string): string {
  return `specific.${process}${PRESENCE_MARK}${groupDigest(group)}`
}

/** Whether a member of a group is the mark of some process, and nobody's name. */
export function isGroupMark(member: string): boolean {
  return member.includes(PRESENCE_MARK)
}

/** The digest of the group that such a member stands for; undefined for the name of a channel. */
export function digestIn(member: string): string | undefined {
  const at = member.indexOf(GROUP_MARK)
  return at < 0 ? undefined : member.slice(at + GROUP_MARK.length)
}

/** A group's name may take up all 99 characters of a channel's, so that it is shortened. */
export function groupDigest(group: string): string {
  return createHash('sha256').update(group).digest('hex').slice(0, 32)
}
