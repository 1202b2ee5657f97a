/** How records get out of Redis: the answer to a read, in one step. stream-scripts.ts says what a stream is there. */
import { streamScript } from './script.ts'
import type { RedisScript } from './script.ts'

/**
 * ARGV: the incarnation that the stream must have, or empty; `start`, `now`, `last` and a number, or `at` and
 * a position; records and bytes at most; of `at`, the stamp that a record must have, or empty, and how far
 * behind the position it lies.
 * Gives `page`, incarnation, tail, closed, position, kind, the stamps there and of the last record, what it is
 * closed with, records. Of a stream that is gone, the reason where it is known: `expired`, or `lost`.
 */
export const READ: RedisScript = streamScript(
  'read',
  `local v = redis.call('HMGET', state, 'i', 'n', 'x', 'e', 'k', 'u', 'f', 'z')
local at = tonumber(v[4])
if not v[1] then return {'missing', ''} end
if isOver(at) then return {'missing', 'expired'} end
if ARGV[2] ~= '' and ARGV[2] ~= v[1] then return {'missing', ARGV[2] == v[6] and 'lost' or ''} end
local first, firstStamp = firstOf(v[7])
local tail, position = tonumber(v[2]), first
if ARGV[3] == 'now' then
  position = tail
elseif ARGV[3] == 'last' then
  position = math.max(first, tail - tonumber(ARGV[4]))
elseif ARGV[3] == 'at' then
  position = tonumber(ARGV[4])
  if position > tail then return {'past-end', stampAt(tail), tail} end
  if position < first then return {'trimmed', firstStamp, first} end
  if ARGV[7] ~= '' and position > 0 then
    local proof = position + tonumber(ARGV[8])
    if proof > tail then return {'past-end', stampAt(tail), tail} end
    if stampAt(proof) ~= ARGV[7] then return {'lost'} end
  end
end
local here = ARGV[7] ~= '' and ARGV[8] == '0' and position > 0 and ARGV[7] or stampAt(position)
local page = {'page', v[1], tail, v[3] and 1 or 0, position, v[5], here, here, v[8] or ''}
local last = math.min(tail, position + tonumber(ARGV[5]))
local left = tonumber(ARGV[6])
-- Few at a time: nobody knows how large they are, and what is found and not given was read for nothing.
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
