/** Trims logs in Redis. stream-scripts.ts describes a stream. */
import { PLACE } from './read-script.ts'
import { RETENTION } from './retention-lua.ts'
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'

/**
 * Moves the first record that is kept; those before it are for `COLLECT`. ARGV: the incarnation that the stream
 * must have, or empty; a place, in four arguments as `READ` takes it.
 * Gives `trimmed`, or why not, with the place that belongs to it: its stamp and position.
 */
export const TRIM: RedisScript = streamScript(
  'free',
  `${PLACE}${RETENTION}local v = redis.call('HMGET', state, 'i', 'n', 'e', 'f', 'q')
if not v[1] or isOver(v[3]) then return {'missing'} end
if ARGV[2] ~= '' and ARGV[2] ~= v[1] then return {'missing'} end
local first, firstStamp = firstOf(v[4])
local position, refusal = placeOf(first, firstStamp, tonumber(v[2]), ARGV[3], ARGV[4], ARGV[5], ARGV[6])
if not position then return refusal end
if position == first then return {'trimmed', firstStamp, first} end
local stamp = stampAt(position)
if stamp == '' then return {'damaged'} end
local _, most = retentionOf(v[5])
if most > 0 then redis.call('HINCRBY', state, 'a', int(-sizes(first, position, math.huge))) end
redis.call('HSET', state, 'f', int(position) .. ' ' .. stamp)
return {'trimmed', stamp, position}
`,
)

/**
 * Removes records before the first that is kept, some at a time, because Redis does nothing else meanwhile. ARGV: how
 * many, at most. Gives 1 when there are more.
 */
export const COLLECT: RedisScript = streamScript(
  'free',
  `local first = firstOf(redis.call('HGET', state, 'f'))
local oldest = redis.call('XRANGE', log, '-', int(first), 'COUNT', 1)[1]
if first == 0 or not oldest then return 0 end
local upTo = tonumber(string.match(oldest[1], '^%d+')) + tonumber(ARGV[2])
redis.call('XTRIM', log, 'MINID', int(math.min(upTo, first + 1)))
return upTo <= first and 1 or 0
`,
)

export const TRIM_SCRIPTS: readonly RedisScript[] = [TRIM, COLLECT]
