/**
 * The Lua scripts, each of which Redis runs in one step. Every key is declared. Times are Redis's own, in
 * seconds with six decimals, so that a sender's wrong clock does no harm.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly source: string
  readonly sha: string
}

/**
 * A script that may run when Redis's memory is full, or one that Redis refuses then. Without a flag Redis
 * would let a script continue as soon as it has removed anything.
 */
function script(whenFull: 'refused' | 'allowed', body: string): Script {
  const source = `#!lua${whenFull === 'allowed' ? ' flags=allow-oom' : ''}\n${body}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

const NOW = `local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function text(seconds) return string.format('%.6f', seconds) end
local function keep(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
`

/** Seconds that the clocks of peers may differ; Python writes its own time beside a message. */
const SKEW = 300

/**
 * Puts messages in queues, and drops old ones: those that are too old by any clock, and others when a queue
 * is full. KEYS: queues. ARGV: expiry in ms, then a member and a capacity for each queue. Returns the places,
 * from 1, of the queues that were full.
 */
export const SEND: Script = script(
  'refused',
  `${NOW}
local full = {}
for i, queue in ipairs(KEYS) do
  local capacity = tonumber(ARGV[i * 2 + 1])
  redis.call('ZREMRANGEBYSCORE', queue, '-inf', text(now - ARGV[1] / 1000 - ${SKEW}))
  if redis.call('ZCARD', queue) >= capacity then
    redis.call('ZREMRANGEBYSCORE', queue, '-inf', text(now - ARGV[1] / 1000))
  end
  if redis.call('ZCARD', queue) >= capacity then
    full[#full + 1] = i
  else
    redis.call('ZADD', queue, text(now), ARGV[i * 2])
    keep(queue, ARGV[1])
  end
end
return full`,
)

/**
 * Takes messages, and drops those that are too old. KEYS: queue. ARGV: expiry in ms, most messages, '1' when
 * none can be too old. Returns how many were dropped, then members and scores alternately, oldest first.
 */
export const TAKE: Script = script(
  'allowed',
  `${NOW}
local expired = 0
if ARGV[3] ~= '1' then
  expired = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[1] / 1000))
end
return { expired, redis.call('ZPOPMIN', KEYS[1], ARGV[2]) }`,
)

/** Puts messages back that were taken. KEYS: queue. ARGV: expiry in ms, then scores and members. */
export const GIVE_BACK: Script = script(
  'allowed',
  `${NOW}
for i = 2, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
keep(KEYS[1], ARGV[1])`,
)

/**
 * For scripts that put members in a group: `add` adds one; `known` notes the own process, and returns 1 when
 * it was not known.
 */
const JOIN = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[1] / 1000))
local function add(member) redis.call('ZADD', KEYS[1], text(now), member) end
local function known()
  keep(KEYS[1], ARGV[1])
  if ARGV[2] == '' then return 0 end
  local new = redis.call('ZADD', KEYS[2], 'NX', text(now), ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
  return new
end
`

/**
 * Adds members. KEYS: group, processes. ARGV: groupExpiry in ms, the own inbox or '', seconds after which a
 * silent process is dead, then members. Returns 1 when the process was not known. A process that was silent
 * for too long stays unknown, and finds out at its next sign of life that it lost its groups.
 */
export const GROUP_ADD: Script = script(
  'refused',
  `${JOIN}
for i = 4, #ARGV do add(ARGV[i]) end
return known()`,
)

/**
 * Puts a group back that Redis may have lost. KEYS: group, processes. ARGV: as before, then the mark that
 * shows that Redis kept the group, how many members were added so lately that a crash may have lost them
 * alone, then members, the late ones first. Adds the late ones, and all of them when Redis lost the group.
 * Returns 1 then.
 */
export const GROUP_RESTORE: Script = script(
  'refused',
  `${JOIN}
local lost = not redis.call('ZSCORE', KEYS[1], ARGV[4])
for i = 6, lost and #ARGV or 5 + ARGV[5] do add(ARGV[i]) end
add(ARGV[4])
known()
return lost and 1 or 0`,
)

/**
 * Replaces names by one member. KEYS: group, processes. ARGV: as before, then the mark, the member that
 * stands for all channels of the process, then their names. Returns the places, from 1, of the names that
 * were not in the group any more.
 */
export const GROUP_GATHER: Script = script(
  'refused',
  `${JOIN}
local gone = {}
if redis.call('ZSCORE', KEYS[1], ARGV[4]) then
  for i = 6, #ARGV do
    if redis.call('ZREM', KEYS[1], ARGV[i]) == 0 then gone[#gone + 1] = i - 5 end
  end
  redis.call('ZREM', KEYS[1], ARGV[4])
end
add(ARGV[5])
known()
return gone`,
)

/**
 * Replaces that member by names. KEYS: group, processes. ARGV: as before, then the member, and the mark and
 * names that replace it.
 */
export const GROUP_SPREAD: Script = script(
  'refused',
  `${JOIN}
for i = 5, #ARGV do add(ARGV[i]) end
redis.call('ZREM', KEYS[1], ARGV[4])
return known()`,
)

/**
 * Renews a membership. KEYS: group. ARGV: groupExpiry in ms, the mark, and a member or ''. Returns 'kept'
 * when it was renewed, 'gone' when the member was taken out, 'lost' when Redis lost the group.
 */
export const GROUP_RENEW: Script = script(
  'allowed',
  `${NOW}
if ARGV[2] ~= '' and not redis.call('ZSCORE', KEYS[1], ARGV[2]) then return 'lost' end
if ARGV[3] ~= '' and not redis.call('ZSCORE', KEYS[1], ARGV[3]) then return 'gone' end
for i = 2, 3 do
  if ARGV[i] ~= '' then redis.call('ZADD', KEYS[1], 'XX', text(now), ARGV[i]) end
end
keep(KEYS[1], ARGV[1])
return 'kept'`,
)

/** KEYS: groups. ARGV: a mark for each. Returns the places, from 1, of the groups whose mark is missing. */
export const GROUP_CHECK: Script = script(
  'allowed',
  `local lost = {}
for i, group in ipairs(KEYS) do
  if not redis.call('ZSCORE', group, ARGV[i]) then lost[#lost + 1] = i end
end
return lost`,
)

/**
 * Returns the members of a group, with spaces between them. KEYS: group, processes. ARGV: groupExpiry in ms,
 * seconds after which a silent process is dead. Removes the members that a dead process added itself. A
 * process that was only paused finds out at its next sign of life, and joins again.
 */
export const GROUP_MEMBERS: Script = script(
  'allowed',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[1] / 1000))
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
local dead = nil
for _, member in ipairs(members) do
  if string.find(member, '!group.', 1, true) or string.find(member, '!here.', 1, true) then
    local inbox = string.match(member, '^[^!]*!')
    local seen = redis.call('ZSCORE', KEYS[2], inbox)
    if not (seen and tonumber(seen) > now - ARGV[2]) then
      dead = dead or {}
      dead[string.match(inbox, '[^.]*$')] = true
    end
  end
end
-- One text is read several times faster than a thousand.
if not dead then return table.concat(members, ' ') end
local living = {}
for _, member in ipairs(members) do
  local process = string.match(member, '([^.!]*!)')
  if process and dead[process] then
    redis.call('ZREM', KEYS[1], member)
  else
    living[#living + 1] = member
  end
end
return table.concat(living, ' ')`,
)

/**
 * KEYS: processes. ARGV: own inbox, seconds after which a silent process is dead. Returns 1 when this process
 * was not known, and Redis's time.
 */
export const SIGN_OF_LIFE: Script = script(
  'allowed',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[2]))
local new = redis.call('ZADD', KEYS[1], text(now), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return { new, text(now) }`,
)

/** KEYS: a key that a blocked pop also waits for. ARGV: ms for which an unused wake-up is kept. */
export const WAKE: Script = script(
  'allowed',
  `
redis.call('ZADD', KEYS[1], 0, '')
redis.call('PEXPIRE', KEYS[1], ARGV[1])`,
)

export const SCRIPTS: readonly Script[] = [
  SEND,
  TAKE,
  GIVE_BACK,
  GROUP_ADD,
  GROUP_RESTORE,
  GROUP_GATHER,
  GROUP_SPREAD,
  GROUP_RENEW,
  GROUP_CHECK,
  GROUP_MEMBERS,
  SIGN_OF_LIFE,
  WAKE,
]
