/**
 * What happens in Redis in one step. Every key is declared; times are Redis's own, in seconds with
 * six decimals, so that a sender with a wrong clock harms nobody.
 */
import { createHash } from 'node:crypto'

export interface Script {
  readonly source: string
  readonly sha: string
}

/**
 * A script that may run when Redis's memory is full, or one that Redis refuses then. Unless it says
 * which it is, Redis lets a script go on that has removed anything.
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
 * KEYS: queues. ARGV: expiry in ms, then a member and a capacity for each queue. Drops what is too old when
 * there is no room otherwise, or by whatever clock.
 * Gives the places, from 1, of the queues that were full.
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
 * KEYS: queue. ARGV: expiry in ms, most messages, '1' when none can be too old. Gives how many were, which
 * are dropped, and then members and scores by turns, oldest first.
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

/** KEYS: queue. ARGV: expiry in ms, then scores and members that were taken, and are put back. */
export const GIVE_BACK: Script = script(
  'allowed',
  `${NOW}
for i = 2, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
keep(KEYS[1], ARGV[1])`,
)

/** What puts members in a group: `add` one, and `known` notes the own process, 1 when it was not known. */
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
 * KEYS: group, processes. ARGV: groupExpiry in ms, the own inbox or '', seconds after which a silent
 * process is dead, then members. Gives 1 when the process was not known. One that was silent for too
 * long stays so, to find out at its next sign of life that it lost its groups.
 */
export const GROUP_ADD: Script = script(
  'refused',
  `${JOIN}
for i = 4, #ARGV do add(ARGV[i]) end
return known()`,
)

/**
 * KEYS: group, processes. ARGV: as before, then the mark by which the process knows that Redis kept the
 * group, how many of the members were added so lately that a crash of Redis may have taken them alone,
 * then members, those first. Adds all of them when Redis lost the group. Gives 1 when it had.
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
 * KEYS: group, processes. ARGV: as before, then the mark, the member that stands for all channels of the
 * process, then their names, which it replaces. Gives the places, from 1, of those that somebody had taken
 * out of the group.
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
 * KEYS: group, processes. ARGV: as before, then the member that stands for all channels of the process, and
 * the mark and names that replace it.
 */
export const GROUP_SPREAD: Script = script(
  'refused',
  `${JOIN}
for i = 5, #ARGV do add(ARGV[i]) end
redis.call('ZREM', KEYS[1], ARGV[4])
return known()`,
)

/**
 * KEYS: group. ARGV: groupExpiry in ms, the mark, and a member or ''. Gives 'kept' when they were there,
 * and are for another groupExpiry; 'gone' when the member was taken out, 'lost' when Redis lost the group.
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

/** KEYS: groups. ARGV: a mark for each. Gives the places, from 1, of those that are not there. */
export const GROUP_CHECK: Script = script(
  'allowed',
  `local lost = {}
for i, group in ipairs(KEYS) do
  if not redis.call('ZSCORE', group, ARGV[i]) then lost[#lost + 1] = i end
end
return lost`,
)

/**
 * KEYS: group, processes. ARGV: groupExpiry in ms, seconds after which a silent process is dead.
 * Gives the members of a group, with spaces between them. Those of a dead process are removed, as far as it added them itself; a
 * process that was only paused finds out at its next sign of life, and comes back.
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
 * KEYS: processes. ARGV: own inbox, seconds after which a silent process is dead.
 * Gives 1 when this process was not known, and Redis's time.
 */
export const SIGN_OF_LIFE: Script = script(
  'allowed',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[2]))
local new = redis.call('ZADD', KEYS[1], text(now), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return { new, text(now) }`,
)

/** KEYS: what a blocked pop also waits for. ARGV: ms after which an unused wake-up is gone. */
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
