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

/**
 * KEYS: queues. ARGV: expiry in ms, then a member and a capacity for each queue.
 * Gives the places, from 1, of the queues that were full.
 */
export const SEND: Script = script(
  'refused',
  `${NOW}
local full = {}
for i, queue in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', queue, '-inf', text(now - ARGV[1] / 1000))
  if redis.call('ZCARD', queue) >= tonumber(ARGV[i * 2 + 1]) then
    full[#full + 1] = i
  else
    redis.call('ZADD', queue, text(now), ARGV[i * 2])
    keep(queue, ARGV[1])
  end
end
return full`,
)

/**
 * KEYS: queue. ARGV: expiry in ms, most messages. Gives members and scores by turns, oldest first.
 */
export const TAKE: Script = script(
  'allowed',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[1] / 1000))
return redis.call('ZPOPMIN', KEYS[1], ARGV[2])`,
)

/** KEYS: queue. ARGV: expiry in ms, then scores and members that were taken, and are put back. */
export const GIVE_BACK: Script = script(
  'allowed',
  `${NOW}
for i = 2, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
keep(KEYS[1], ARGV[1])`,
)

/**
 * KEYS: group, processes. ARGV: member, groupExpiry in ms, the own inbox or '', and seconds after
 * which a silent process is dead. Gives 1 when the process was not known. One that was silent for too
 * long stays so, to find out at its next sign of life that it lost its groups.
 */
export const GROUP_ADD: Script = script(
  'refused',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[2] / 1000))
redis.call('ZADD', KEYS[1], text(now), ARGV[1])
keep(KEYS[1], ARGV[2])
if ARGV[3] == '' then return 0 end
local new = redis.call('ZADD', KEYS[2], 'NX', text(now), ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return new`,
)

/**
 * KEYS: group, processes. ARGV: groupExpiry in ms, seconds after which a silent process is dead.
 * Gives the members of a group. Those that stand for a dead process are removed; a process that was
 * only paused finds out at its next sign of life, and comes back.
 */
export const GROUP_MEMBERS: Script = script(
  'allowed',
  `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[1] / 1000))
local members = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local inbox = string.match(member, '^(.*!)group%.%x+$')
  local seen = inbox and redis.call('ZSCORE', KEYS[2], inbox)
  if inbox and not (seen and tonumber(seen) > now - ARGV[2]) then
    redis.call('ZREM', KEYS[1], member)
  else
    members[#members + 1] = member
  end
end
return members`,
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
  GROUP_MEMBERS,
  SIGN_OF_LIFE,
  WAKE,
]
