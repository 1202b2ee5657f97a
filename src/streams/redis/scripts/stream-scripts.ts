/**
 * The changes of a stream in Redis, each in one step: the decisions of bookkeeping.ts again, in Lua, in the same
 * order. script.ts describes the keys and arguments that all scripts share.
 *
 * The state of a stream is a hash:
 *
 * | field | what |
 * |---|---|
 * | `i` | incarnation |
 * | `c`, `m`, `k` | content type as given; its media type; `json` or `bytes` |
 * | `o`, `d` | owner; metadata as JSON |
 * | `b`, `t`, `e` | created at, TTL, ends at: milliseconds |
 * | `n`, `x` | tail; `1` when closed |
 * | `f` | once it was trimmed, the position before the first record that is kept, and the stamp of the one there: `position stamp` |
 * | `y` | the append that closed it: `epoch seq producer` |
 * | `s` | stream seq |
 * | `z` | what it was closed with, as JSON |
 * | `r` | checkpoint as JSON |
 * | `u` | the incarnation before this one, when records of it were lost |
 * | `g` | the run of the Redis server under which it was created, or its lease last taken |
 * | `l` | lease: `epoch ttl end holder` |
 * | `w` | of a closed stream, what it owes, as JSON: then its lease stays |
 * | `q`, `a`, `h` | retention, and what is known for it: retention-lua.ts |
 * | `j` | the list that it is on: its owner, percent-encoded, and the name of the list |
 * | `fp`, `ft`, `fn`, `v:` … | of a fork, and of what was forked: fork-scripts.ts |
 * | `p:` + producer | `epoch seq position`: the last one is the tail behind its latest append |
 * | `pn` | how many of these there are, that of the lease aside; not there before the first |
 *
 * Its records are a Redis stream. The id of a record is its position, from 1, and the stamp of the
 * append that wrote it, which an offset names, too: two histories of one stream, before and after a
 * failover that lost its tail, are told apart by it.
 */
import { OWED_KEPT_MS } from '../../bookkeeping/lease-bookkeeping.ts'
import { APPEND } from './append-script.ts'
import { RETENTION } from './retention-lua.ts'
import { CUT } from './cut-script.ts'
import { REMOVE } from './fork-scripts.ts'
import { READ } from './read-script.ts'
import { FIELDS, LEASE_FIELD } from './state-fields.ts'
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'

/**
 * ARGV: incarnation, content type, media type, kind, owner, TTL, end, closed, metadata, server, stamp,
 * holder and length of the lease, what it is closed with, retention (each empty for none); of a fork, where it was
 * forked, its token, the positions before and after what it inherits, the stamp before that, and its bytes; its list, or
 * empty; records.
 * KEYS[3]: what a fork inherits.
 * Gives `created` and the time; `there`, the fields of the state and the stamp of its last record; `retired`, or
 * `incomplete` where Redis has lost of the copy.
 */
export const CREATE: RedisScript = streamScript(
  'write',
  `local known = redis.call('HMGET', state, ${FIELDS})
if known[1] then
  local at = tonumber(known[7])
  if not isOver(at) then return {'there', known, stampAt(tonumber(known[8]))} end
end
if (tonumber(redis.call('HGET', state, 'fn')) or 0) > 0 then return {'retired'} end
local base, first = tonumber(ARGV[20]) or 0, tonumber(ARGV[19]) or 0
if base > first and redis.call('XLEN', KEYS[3]) ~= base - first then return {'incomplete'} end
if known[1] then
  redis.call('UNLINK', state, log)
  redis.call('SPUBLISH', channel, 'gone ' .. known[1] .. ' expired')
end
-- Should its state be gone without them.
redis.call('UNLINK', log)
if base > first then
  redis.call('RENAME', KEYS[3], log)
  redis.call('PERSIST', log)
end
local ttl, at = tonumber(ARGV[7]), tonumber(ARGV[8])
if ttl then at = now + ttl end
local fields = {'i', ARGV[2], 'c', ARGV[3], 'm', ARGV[4], 'k', ARGV[5], 'b', int(now), 'n', int(base + #ARGV - 23),
  'g', ARGV[11]}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if ARGV[6] ~= '' then set('o', ARGV[6]) end
if ttl then set('t', int(ttl)) end
if at then set('e', int(at)) end
if ARGV[9] == '1' then set('x', '1') end
if ARGV[10] ~= '' then set('d', ARGV[10]) end
if ARGV[15] ~= '' then set('z', ARGV[15]) end
if ARGV[16] ~= '' then
  local bytes = tonumber(ARGV[22]) or 0
  for i = 24, #ARGV do bytes = bytes + #ARGV[i] end
  set('q', ARGV[16])
  set('a', int(bytes))
  if base + #ARGV - 23 > first then set('h', int(now) .. ':' .. int(first)) end
end
if ARGV[23] ~= '' then set('j', ARGV[23]) end
if ARGV[17] ~= '' then
  set('fp', ARGV[17])
  set('ft', ARGV[18])
  if first > 0 then set('f', int(first) .. ' ' .. ARGV[21]) end
end
if ARGV[13] ~= '' then
  set('l', '1 ' .. ARGV[14] .. ' ' .. int(now + tonumber(ARGV[14])) .. ' ' .. ARGV[13])
  set('${LEASE_FIELD}', '1 -1')
end
redis.call('HSET', state, unpack(fields))
for i = 24, #ARGV do redis.call('XADD', log, int(base + i - 23) .. '-' .. ARGV[12], 'r', ARGV[i]) end
return {'created', int(now)}
`,
)

/** Gives the fields of the state and the stamp of its last record; nothing when the stream is missing. */
export const LOOK: RedisScript = streamScript(
  'read',
  `local known = redis.call('HMGET', state, ${FIELDS})
local at = tonumber(known[7])
if not known[1] or isOver(at) then return {} end
local owner = known[3] and known[3] ~= '' and '+' .. known[3] or '-'
if ARGV[2] ~= '' and ARGV[2] ~= owner then return {} end
return {known, stampAt(tonumber(known[8]))}
`,
)

/** Gives 1 for a stream of which anything is left. */
export const IS_KEPT: RedisScript = streamScript('read', `return redis.call('HEXISTS', state, 'i')\n`)

/** ARGV: the incarnation that it has to be, or empty. Gives 1 for a stream that is there. */
export const TOUCH: RedisScript = streamScript(
  'free',
  `local v = redis.call('HMGET', state, 'i', 'e', 't')
local at = tonumber(v[2])
if not v[1] or isOver(at) then return 0 end
if ARGV[2] ~= '' and ARGV[2] ~= v[1] then return 0 end
local moved = endAfter(tonumber(v[3]), at)
if moved ~= at then
  redis.call('HSET', state, 'e', int(moved))
end
return 1
`,
)

/** ARGV: as for TOUCH. Deletes a stream. Gives its incarnation and owner, what `remove` does, and its list. */
export const DELETE: RedisScript = streamScript(
  'free',
  `${REMOVE}local v = redis.call('HMGET', state, 'i', 'e', 'o', 'j')
local at = tonumber(v[2])
if not v[1] then return {} end
-- One that is named by its incarnation is removed after its time, too.
if ARGV[2] == '' and isOver(at) or ARGV[2] ~= '' and ARGV[2] ~= v[1] then return {} end
local token, point = remove()
redis.call('SPUBLISH', channel, 'gone ' .. v[1] .. ' deleted')
return {v[1], v[3] or '', token, point, v[4] or ''}
`,
)

/**
 * Removes a stream whose time is over, where it may, and brings an end in that was set before the clock
 * went back. ARGV: 1 when it may be removed.
 * Trims what is too old of a stream that is there. Gives `removed`, the owner, what `remove` does and the list,
 * `missing`, or `alive` and when to look again, which is empty for never, and 1 when there is something trimmed to be
 * removed.
 */
export const SWEEP: RedisScript = streamScript(
  'free',
  `${RETENTION}${REMOVE}local v = redis.call('HMGET', state, 'i', 'e', 't', 'o', 'l', 'w', 'j')
if not v[1] then
  redis.call('SPUBLISH', channel, 'look')
  return {'missing'}
end
local at, ttl = tonumber(v[2]), tonumber(v[3])
-- Who holds a lease would have renewed it; what is owed is kept for longer.
local held = v[5] and now < tonumber(string.match(v[5], '^%d+ %d+ (%d+) ')) + (v[6] and ${OWED_KEPT_MS} or 0)
if ARGV[2] == '1' and at and now >= at and not held then
  local token, point = remove()
  redis.call('SPUBLISH', channel, 'gone ' .. v[1] .. ' expired')
  return {'removed', v[4] or '', token, point, v[7] or ''}
end
if ttl and at and at > now + ttl then
  at = now + ttl
  redis.call('HSET', state, 'e', int(at))
end
local trimmed = 0
local r = redis.call('HMGET', state, 'q', 'h', 'n', 'f')
local age, most = retentionOf(r[1])
if age > 0 then
  local before, spans, due = agedBy(r[2], tonumber(r[3]), age)
  local first = firstOf(r[4])
  if ARGV[2] == '1' then redis.call('HSET', state, 'h', spans) end
  if ARGV[2] == '1' and before and before > first then
    if most > 0 then redis.call('HINCRBY', state, 'a', int(-sizes(first, before, math.huge))) end
    redis.call('HSET', state, 'f', int(before) .. ' ' .. stampAt(before))
    trimmed = 1
  end
  at = at and math.min(at, due) or due
end
-- What was trimmed, and who was to remove it is gone.
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
if oldest and tonumber(string.match(oldest[1], '^%d+')) <= firstOf(redis.call('HGET', state, 'f')) then
  at, trimmed = now, 1
end
return {'alive', at and int(at) or '', trimmed}
`,
)

export const STREAM_SCRIPTS: readonly RedisScript[] = [
  CREATE,
  APPEND,
  READ,
  LOOK,
  IS_KEPT,
  TOUCH,
  DELETE,
  SWEEP,
  CUT,
]
