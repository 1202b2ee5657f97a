/** The lease of a stream in Redis: lease-bookkeeping.ts again, in Lua. */
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'
import { FIELDS, LEASE_FIELD } from './state-fields.ts'

const LEASE = `local function lease(text)
  local epoch, ttl, at, holder = string.match(text, '^(%d+) (%d+) (%d+) (.*)$')
  return tonumber(epoch), tonumber(ttl), tonumber(at), holder
end
`

/**
 * ARGV: holder, length, server. Gives `acquired`, the lease, the fields of the state and the stamp of its last
 * record; `held`, the lease and the incarnation; `closed`, stamp and position of the tail; or `missing`.
 *
 * If the server was restarted since the lease was last taken, a takeover in between may be lost: the epoch then skips
 * those that a holder may have.
 */
export const ACQUIRE: RedisScript = streamScript(
  'free',
  `${LEASE}local known = redis.call('HMGET', state, ${FIELDS})
if not known[1] or isOver(known[7]) then return {'missing'} end
local tail = tonumber(known[8])
if known[9] then return {'closed', stampAt(tail), tail} end
local v = redis.call('HMGET', state, 'l', '${LEASE_FIELD}', 'g')
if v[1] then
  local epoch, ttl, at, holder = lease(v[1])
  if now < at then
    if at > now + ttl then
      v[1] = int(epoch) .. ' ' .. int(ttl) .. ' ' .. int(now + ttl) .. ' ' .. holder
      redis.call('HSET', state, 'l', v[1])
    end
    return {'held', v[1], known[1]}
  end
end
local last = v[2] and tonumber(string.match(v[2], '^%d+')) or 0
local epoch = last + (v[3] == ARGV[4] and 1 or 1000)
local taken = int(epoch) .. ' ' .. ARGV[3] .. ' ' .. int(now + tonumber(ARGV[3])) .. ' ' .. ARGV[2]
redis.call('HSET', state, 'l', taken, '${LEASE_FIELD}', int(epoch) .. ' -1', 'g', ARGV[4])
return {'acquired', taken, known, stampAt(tail)}
`,
)

/**
 * ARGV: incarnation, epoch, holder of the lease in hand; its length. Gives nothing, or when it ends, whether
 * that is sooner than before, and whether something is owed.
 */
export const RENEW: RedisScript = streamScript(
  'free',
  `${LEASE}local v = redis.call('HMGET', state, 'i', 'e', 'l')
if v[1] ~= ARGV[2] or not v[3] then return {} end
local epoch, ttl, before, holder = lease(v[3])
if ttl == 0 or epoch ~= tonumber(ARGV[3]) or holder ~= ARGV[4] then return {} end
local at = now + tonumber(ARGV[5])
redis.call('HSET', state, 'l', int(epoch) .. ' ' .. ARGV[5] .. ' ' .. int(at) .. ' ' .. holder)
return {int(at), at < before and 1 or 0, redis.call('HEXISTS', state, 'w')}
`,
)

/** ARGV: incarnation, epoch, holder of the lease in hand. Gives 1 when it was held: now its length is 0. */
export const HAND_OVER: RedisScript = streamScript(
  'free',
  `${LEASE}local v = redis.call('HMGET', state, 'i', 'e', 'l')
if v[1] ~= ARGV[2] or not v[3] then return 0 end
local epoch, ttl, _, holder = lease(v[3])
if ttl == 0 or epoch ~= tonumber(ARGV[3]) or holder ~= ARGV[4] then return 0 end
redis.call('HSET', state, 'l', int(epoch) .. ' 0 ' .. int(now) .. ' ' .. holder)
return 1
`,
)

/**
 * ARGV: incarnation, holder, length, server. Takes the lease of a closed stream that owes something, once it is over.
 * Gives the lease, the fields of the state, the stamp of its last record and what it owes; or nothing.
 */
export const CLAIM: RedisScript = streamScript(
  'free',
  `${LEASE}local known = redis.call('HMGET', state, ${FIELDS})
if known[1] ~= ARGV[2] then return {} end
local v = redis.call('HMGET', state, 'l', '${LEASE_FIELD}', 'g', 'w')
if not v[1] or not v[4] then return {} end
local _, ttl, at = lease(v[1])
if now < math.min(at, now + ttl) then return {} end
local epoch = tonumber(string.match(v[2], '^%d+')) + (v[3] == ARGV[5] and 1 or 1000)
local taken = int(epoch) .. ' ' .. ARGV[4] .. ' ' .. int(now + tonumber(ARGV[4])) .. ' ' .. ARGV[3]
redis.call('HSET', state, 'l', taken, '${LEASE_FIELD}', int(epoch) .. ' -1', 'g', ARGV[5])
return {taken, known, stampAt(tonumber(known[8])), v[4]}
`,
)

/**
 * ARGV: incarnation, epoch, holder of the lease in hand; what is still owed, or empty. Gives 1 when it was held, and
 * something owed.
 */
export const SETTLE: RedisScript = streamScript(
  'free',
  `${LEASE}local v = redis.call('HMGET', state, 'i', 'w', 'l')
if v[1] ~= ARGV[2] or not v[2] or not v[3] then return 0 end
local epoch, ttl, _, holder = lease(v[3])
if ttl == 0 or epoch ~= tonumber(ARGV[3]) or holder ~= ARGV[4] then return 0 end
if ARGV[5] ~= '' then redis.call('HSET', state, 'w', ARGV[5]) else redis.call('HDEL', state, 'l', 'w') end
return 1
`,
)

/**
 * The lease of a stream as it stands, cut to its length when the clock went back.
 * Gives nothing for none, or the lease, the incarnation, 1 when its time is over, and 1 when something is owed.
 */
export const LOOK_AT_LEASE: RedisScript = streamScript(
  'free',
  `${LEASE}local v = redis.call('HMGET', state, 'i', 'e', 'l')
if not v[1] or not v[3] then return {} end
local epoch, ttl, at, holder = lease(v[3])
if at > now + ttl then
  at = now + ttl
  v[3] = int(epoch) .. ' ' .. int(ttl) .. ' ' .. int(at) .. ' ' .. holder
  redis.call('HSET', state, 'l', v[3])
end
return {v[3], v[1], at <= now and 1 or 0, redis.call('HEXISTS', state, 'w')}
`,
)

export const LEASE_SCRIPTS: readonly RedisScript[] = [ACQUIRE, RENEW, HAND_OVER, CLAIM, SETTLE, LOOK_AT_LEASE]
