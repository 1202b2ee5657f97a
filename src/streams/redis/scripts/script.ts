/** A script of the store, and the Lua at the beginning of all scripts. */
import { createHash } from 'node:crypto'

export interface RedisScript {
  readonly source: string
  readonly sha: string
}

/**
 * What a script may do: `write` is refused when Redis has no memory left or may not write, before
 * anything is done; `free` may run without memory, for it gives some back or is what a run lives by;
 * `read` writes nothing.
 */
export type ScriptKind = 'write' | 'free' | 'read'

const FLAGS: Readonly<Record<ScriptKind, string>> = {
  write: '',
  free: ' flags=allow-oom',
  read: ' flags=no-writes',
}

// The Lua that scripts begin with, in parts: Lua makes a function anew each time that its definition is run.

/** The keys, and the time where it is given. */
export const KEPT = `local state, log = KEYS[1], KEYS[2]
local now = tonumber(ARGV[1])
`
/** Redis's own time, where none is given. */
export const CLOCK = `if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
`
/** Numbers are doubles and exact up to 2^53, but Lua writes them with 14 digits. */
export const INT = `local function int(n) return string.format('%.0f', n) end
`
/** Compares strings byte by byte, because Lua asks the locale. */
export const ABOVE = `local function above(a, b)
  local length = math.min(#a, #b)
  for i = 1, length do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
`
export const IS_OVER = `local function isOver(at)
  return at and now >= tonumber(at) and redis.call('HEXISTS', state, 'l') == 0
end
`
export const END_AFTER = `local function endAfter(ttl, at)
  if not ttl or not at then return at end
  local gain = now + ttl - at
  if gain < 0 or gain * 100 >= ttl then return now + ttl end
  return at
end
`
/** The first place of a log, and the stamp of the record before a position: empty where Redis no longer has it. */
export const PLACES = `local function firstOf(text)
  local first, stamp = string.match(text or '', '^(%d+) (%d+)$')
  return tonumber(first) or 0, stamp or '0'
end
local function stampAt(position)
  if position == 0 then return '0' end
  local found = redis.call('XRANGE', log, int(position) .. '-0', int(position))
  if found[1] then return string.match(found[1][1], '-(%d+)$') end
  local first, stamp = firstOf(redis.call('HGET', state, 'f'))
  return first == position and stamp or ''
end
`

/**
 * KEYS[1] is the state of the stream, KEYS[2] its records. ARGV[1] is the time in milliseconds, or empty
 * for Redis's own. The channel is no key: while the slot moves, a Cluster refuses what names a key that
 * is not there.
 */
const PRELUDE = `${KEPT}local channel = string.sub(state, 1, -6) .. 'live'
${CLOCK}${INT}${ABOVE}${IS_OVER}${END_AFTER}${PLACES}`

/** @param body Lua that follows the prelude; see there for its keys and arguments. */
export function streamScript(kind: ScriptKind, body: string): RedisScript {
  return plainScript(kind, PRELUDE + body)
}

export function plainScript(kind: ScriptKind, body: string): RedisScript {
  const source = `#!lua${FLAGS[kind]}\n${body}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}
