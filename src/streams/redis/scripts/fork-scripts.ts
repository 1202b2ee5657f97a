/**
 * What a stream in Redis knows of its forks, which may be on other servers. stream-scripts.ts describes a stream; its
 * fields about forks are:
 *
 * | field | what |
 * |---|---|
 * | `v:` + token + ` ` + id | of each fork, or of one that is being copied: when it was last seen to be so, in milliseconds |
 * | `fn` | how many of these there are |
 * | `fp`, `ft` | of a fork: where it was forked, as JSON; its token |
 *
 * A stream that is removed while there are any keeps these and its owner, and no `i`: it is retired.
 */
import { FIELDS } from './state-fields.ts'
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'

/** Lua: removes a stream, but for what is kept for its forks. Gives the token of a fork that is gone for good, and where it was forked. */
export const REMOVE = `local function remove()
  local v = redis.call('HMGET', state, 'fn', 'ft', 'fp')
  redis.call('UNLINK', log)
  if (tonumber(v[1]) or 0) == 0 then
    redis.call('UNLINK', state)
    return v[2] or '', v[3] or ''
  end
  local kept = {fn = 1, ft = 1, fp = 1, o = 1}
  for _, field in ipairs(redis.call('HKEYS', state)) do
    if not kept[field] and string.sub(field, 1, 2) ~= 'v:' then redis.call('HDEL', state, field) end
  end
  return '', ''
end
`

/**
 * ARGV: token and id of the fork; the incarnation that the stream must have, or empty. Holds the stream.
 * Gives `held`, the fields of its state and the stamp of its last record; `missing`, or `retired`.
 */
export const HOLD: RedisScript = streamScript(
  'write',
  `local known = redis.call('HMGET', state, ${FIELDS})
if not known[1] or isOver(known[7]) then
  return {(tonumber(redis.call('HGET', state, 'fn')) or 0) > 0 and 'retired' or 'missing'}
end
if ARGV[3] ~= '' and ARGV[3] ~= known[1] then return {'missing'} end
redis.call('HSET', state, 'v:' .. ARGV[2], int(now))
redis.call('HINCRBY', state, 'fn', 1)
return {'held', known, stampAt(tonumber(known[8]))}
`,
)

/**
 * ARGV: token and id of a fork that is not there. Holds the stream no more.
 * Gives token and place of a retired stream that is gone with it for good, if it was a fork itself.
 */
export const RELEASE: RedisScript = streamScript(
  'free',
  `if redis.call('HDEL', state, 'v:' .. ARGV[2]) == 0 then return {} end
if redis.call('HINCRBY', state, 'fn', -1) > 0 or redis.call('HEXISTS', state, 'i') == 1 then return {} end
local v = redis.call('HMGET', state, 'ft', 'fp')
redis.call('UNLINK', state)
return v[1] and v or {}
`,
)

/** Gives nothing for a stream that is not retired; or its owner, the time, and some of its forks, each with when it was seen. */
export const RETIRED: RedisScript = streamScript(
  'read',
  `local v = redis.call('HMGET', state, 'i', 'e', 'o', 'fn')
if (v[1] and not isOver(v[2])) or (tonumber(v[4]) or 0) == 0 then return {} end
local answer, cursor = {v[3] or '', int(now)}, '0'
repeat
  local some = redis.call('HSCAN', state, cursor, 'MATCH', 'v:*', 'COUNT', 100)
  cursor = some[1]
  for _, value in ipairs(some[2]) do answer[#answer + 1] = value end
until cursor == '0' or #answer > 2
return answer
`,
)

/** Gives the token of a fork, or empty. */
export const TOKEN: RedisScript = streamScript('read', `return redis.call('HGET', state, 'ft') or ''\n`)

/**
 * Some records of a stream that is being forked. ARGV: its incarnation; the place they come after and the one up to
 * which they are wanted; how many bytes, about; token and id of the fork.
 * Gives `records`, and of each its id and its data; `missing`, or `trimmed`.
 */
export const COPY_OUT: RedisScript = streamScript(
  'free',
  `local v = redis.call('HMGET', state, 'i', 'f')
if v[1] ~= ARGV[2] then return {'missing'} end
local next, last, left = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if next < firstOf(v[2]) then return {'trimmed'} end
redis.call('HSET', state, 'v:' .. ARGV[6], int(now))
local copy, step = {'records'}, 2
while next < last and left > 0 and #copy < 1000 do
  local found = redis.call('XRANGE', log, int(next + 1) .. '-0', int(last), 'COUNT', step)
  if #found == 0 then return {'damaged'} end
  for _, entry in ipairs(found) do
    if tonumber(string.match(entry[1], '^%d+')) ~= next + 1 then return {'damaged'} end
    next = next + 1
    copy[#copy + 1] = entry[1]
    copy[#copy + 1] = entry[2][2]
    left = left - #entry[2][2]
  end
  step = math.min(step * 4, 128)
end
return copy
`,
)

/** KEYS: an unfinished copy. ARGV: the time, for how many milliseconds Redis keeps it, and ids and data of records. */
export const COPY_IN: RedisScript = streamScript(
  'write',
  `for i = 3, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], 'r', ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`,
)

/** KEYS: an abandoned copy. */
export const COPY_DROP: RedisScript = streamScript('free', `return redis.call('UNLINK', KEYS[1])\n`)

export const FORK_SCRIPTS: readonly RedisScript[] = [
  HOLD,
  RELEASE,
  RETIRED,
  TOKEN,
  COPY_OUT,
  COPY_IN,
  COPY_DROP,
]
