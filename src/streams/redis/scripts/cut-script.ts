/** Handles a stream whose end Redis has lost. */
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'

/**
 * Records that were told are no longer in the log: gives the stream another incarnation, so that no
 * offset of the history that is lost is taken for one of this.
 * ARGV: incarnation; a position that was told; the stamp of the record there; the new incarnation.
 */
export const CUT: RedisScript = streamScript(
  'free',
  `local v = redis.call('HMGET', state, 'i', 'n')
if v[1] ~= ARGV[2] then return 0 end
local position = tonumber(ARGV[3])
if tonumber(v[2]) >= position and stampAt(position) == ARGV[4] then return 0 end
redis.call('HSET', state, 'i', ARGV[5], 'u', v[1])
redis.call('SPUBLISH', channel, 'gone ' .. v[1] .. ' lost')
return 1
`,
)
