/**
 * Checks the names of channels and groups, and makes unique ones. The rules are those of Django Channels 4
 * (`BaseChannelLayer`), so that a Python peer takes every name used here.
 */
import { randomUUID } from 'node:crypto'
import { invalidName } from './errors.ts'

/** Longest name of a channel or group. Channels asks for fewer than 100 characters. */
const MAX_NAME_LENGTH = 99

/** Longest prefix of `specificChannel`; the rest of the name is `.`, `!` and two times 32 hex digits. */
const MAX_PREFIX_LENGTH = MAX_NAME_LENGTH - 66

const CHANNEL = /^[a-zA-Z\d\-_.]+(?:![\w\-_.]*)?$/
const GROUP = /^[a-zA-Z\d\-_.]+$/
const CHARACTERS = 'ASCII letters, digits, "-", "_" and "."'

/** @throws {ChannelError} `invalid_name` */
export function checkChannelName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name.length <= MAX_NAME_LENGTH && CHANNEL.test(name)) return
  const rule = `1 to ${MAX_NAME_LENGTH} ${CHARACTERS}, with at most one "!" and not at the start`
  throw invalidName(`A channel name is ${rule}; this is ${shown(name)}`)
}

/** @throws {ChannelError} `invalid_name` */
export function checkGroupName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name.length <= MAX_NAME_LENGTH && GROUP.test(name)) return
  throw invalidName(`A group name is 1 to ${MAX_NAME_LENGTH} ${CHARACTERS}; this is ${shown(name)}`)
}

/** Whether only one process receives the channel. The part up to the `!` names that process. */
export function isSpecific(channel: string): boolean {
  return channel.includes('!')
}

/** The random part of a process's channels: 32 hex digits, as in channels_redis. */
export function processId(): string {
  return randomUUID().replaceAll('-', '')
}

/**
 * A unique channel name: `<prefix>.<process>!<32 hex digits>`.
 *
 * @throws {ChannelError} `invalid_name` for a prefix that is not a group name, or longer than 33 characters.
 */
export function specificChannel(prefix: string, process: string): string {
  if (typeof prefix !== 'string' || prefix.length > MAX_PREFIX_LENGTH || !GROUP.test(prefix)) {
    const rule = `1 to ${MAX_PREFIX_LENGTH} ${CHARACTERS}`
    throw invalidName(`The prefix of a new channel is ${rule}; this is ${shown(prefix)}`)
  }
  return `${prefix}.${process}!${processId()}`
}

/** A bad name, for an error: it may be of any type and length. */
function shown(name: unknown): string {
  if (typeof name !== 'string') return `of type ${name === null ? 'null' : typeof name}`
  return name.length > MAX_NAME_LENGTH ? `${name.length} characters long` : JSON.stringify(name)
}
