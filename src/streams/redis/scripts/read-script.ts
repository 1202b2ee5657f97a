/** Reads records in Redis, in one step. stream-scripts.ts describes a stream. */
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'

/** Lua: the position that a place names, as `beginOf` of bookkeeping.ts finds it; or nil, and the answer. */
export const PLACE = `local function placeOf(first, firstStamp, tail, word, number, stamp, ahead)
  if word == 'start' then return first end
  if word == 'now' then return tail end
  if word == 'last' then return math.max(first, tail - tonumber(number)) end
  local position = tonumber(number)
  if position > tail then return nil, {'past-end', stampAt(tail), tail} end
  if position < first then return nil, {'trimmed', firstStamp, first} end
  if stamp == '' or position == 0 then return position end
  local proof = position + tonumber(ahead)
  if proof > tail then return nil, {'past-end', stampAt(tail), tail} end
  if stampAt(proof) ~= stamp then return nil, {'lost'} end
  return position
end
`

/**
 * ARGV: the incarnation that the stream must have, or empty; a place: `start`, `now`, `last` and a number, or
 * `at` and a position, the stamp that a record must have, or empty, and how far behind the position it lies;
 * records and bytes at most.
 * Gives `page`, incarnation, tail, closed, position, kind, the stamps there and of the last record, what it is
 * closed with, records. Of a stream that is gone, the reason where it is known: `expired`, or `lost`.
 */
export const READ: RedisScript = streamScript(
  'read',
  `${PLACE}local v = redis.call('HMGET', state, 'i', 'n', 'x', 'e', 'k', 'u', 'f', 'z')
local at = tonumber(v[4])
if not v[1] then return {'missing', ''} end
if isOver(at) then return {'missing', 'expired'} end
if ARGV[2] ~= '' and ARGV[2] ~= v[1] then return {'missing', ARGV[2] == v[6] and 'lost' or ''} end
local first, firstStamp = firstOf(v[7])
local tail = tonumber(v[2])
local position, refusal = placeOf(first, firstStamp, tail, ARGV[3], ARGV[4], ARGV[5], ARGV[6])
if not position then return refusal end
local here = ARGV[5] ~= '' and ARGV[6] == '0' and position > 0 and ARGV[5] or stampAt(position)
local page = {'page', v[1], tail, v[3] and 1 or 0, position, v[5], here, here, v[8] or ''}
local last = math.min(tail, position + tonumber(ARGV[7]))
local left = tonumber(ARGV[8])
-- Few at a time: their sizes are unknown, and records beyond the limit are read in vain.
local step, next, largest = 2, position, 1
while next < last and left > 0 do
  local found = redis.call('XRANGE', log, int(next + 1) .. '-0', int(last), 'COUNT', step)
  for _, entry in ipairs(found) do
    local id, stamp = string.match(entry[1], '^(%d+)-(%d+)$')
    if tonumber(id) ~= next + 1 then return {'damaged', v[1]} end
    next = next + 1
    page[8] = stamp
    page[#page + 1] = entry[2][2]
    left = left - #entry[2][2]
    largest = math.max(largest, #entry[2][2])
    if left <= 0 then break end
  end
  if #found == 0 then return {'damaged', v[1]} end
  step = math.min(step * 4, 128, math.ceil(math.max(left, 1) / largest))
end
return page
`,
)
