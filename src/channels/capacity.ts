/**
 * How many messages a channel may hold: one number for all channels, and others for those whose full name
 * matches a pattern. As in Channels, the first pattern that matches decides.
 */

/**
 * Capacities by pattern. A string is a glob over the whole name: `*` any characters, `?` one,
 * `[abc]`, `[a-c]` and `[!a]` one character that is or is not listed. A RegExp may match anywhere in the
 * name, so anchor it. Give a list when the order matters or a pattern is a RegExp.
 */
export type ChannelCapacities =
  | Readonly<Record<string, number>>
  | readonly (readonly [pattern: string | RegExp, capacity: number])[]

/**
 * The capacity of each channel.
 *
 * @throws {RangeError} for a capacity that is not a positive integer.
 */
export function capacityRule(
  capacity: number,
  capacities: ChannelCapacities = {},
): (channel: string) => number {
  checkCapacity('capacity', capacity)
  const list: readonly (readonly [string | RegExp, number])[] = isList(capacities)
    ? capacities
    : Object.entries(capacities)
  const rules = list.map(([pattern, value]) => {
    checkCapacity(`channelCapacity of ${String(pattern)}`, value)
    return { pattern: compile(pattern), capacity: value }
  })
  return (channel) => rules.find((rule) => rule.pattern.test(channel))?.capacity ?? capacity
}

function checkCapacity(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${what} must be a positive integer (messages), not ${String(value)}`)
  }
}

function compile(pattern: string | RegExp): RegExp {
  // With `g` or `y` a RegExp remembers where it stopped, and matches only every other time.
  if (typeof pattern !== 'string') return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  return new RegExp(`^${pattern.replace(/\[!?\]?[^\]]*\]|[^]/g, globPart)}$`)
}

/** One part of a glob, `[…]` or a single character, as a regular expression. */
function globPart(part: string): string {
  if (part === '*') return '.*'
  if (part === '?') return '.'
  if (part.length === 1) return part.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`)
  const negated = part.startsWith('[!')
  const members = part.slice(negated ? 2 : 1, -1).replace(/[\\^[\]]/g, String.raw`\$&`)
  return `[${negated ? '^' : ''}${members}]`
}

function isList(capacities: ChannelCapacities): capacities is Extract<ChannelCapacities, readonly unknown[]> {
  return Array.isArray(capacities)
}
