/**
 * Appends records in Redis: `refusalOf` and `applyAppend` of bookkeeping.ts again, in Lua, in the same order.
 * stream-scripts.ts describes a stream.
 *
 * Every record passes this script, and it blocks Redis. So rare parts of an append are options, rare fields of a
 * stream are read only where they exist, and the usual answer is one line.
 */
import { LEASE_PRODUCER } from '../../leases.ts'
import { PUBLISHED_BYTES } from '../following/live-message.ts'
import { KNOWN_PRODUCERS } from './known-producers-lua.ts'
import { RETENTION } from './retention-lua.ts'
import { ABOVE, CLOCK, END_AFTER, INT, IS_OVER, KEPT, PLACES, plainScript } from './script.ts'
import type { RedisScript } from './script.ts'
import { LEASE_FIELD } from './state-fields.ts'

/** The options of an append. The script gets a name and a value for each. */
export type AppendOption =
  | 'incarnation'
  /** A media type that the stream must have. */
  | 'type'
  /** Close the stream. */
  | 'close'
  /** What it is closed with. */
  | 'end'
  /** What the close leaves owed. */
  | 'owes'
  | 'stream-seq'
  | 'metadata'
  | 'checkpoint'
  /** Position and stamp of the tail that it must have. */
  | 'after'
  /** The tail that it must follow as an append that was lost. */
  | 'tail'
  /** The list on which it is marked; `*` for any. */
  | 'list'
  /** How many producers a stream knows: of one that may be new. */
  | 'producers'

/**
 * ARGV: stamp; `json` or `bytes`, or empty without records; id, epoch and seq of the producer, or empty; how many
 * options there are, their names and values; records.
 * Gives the outcome and what belongs to it: with a place its stamp and position. `unmarked` comes with the list that
 * the stream is on: see latest-lists.ts. What is appended as most is gives no more than a status: its tail and
 * incarnation.
 */
export const APPEND: RedisScript = plainScript(
  'write',
  `${KEPT}${INT}${PLACES}local stamp, kind, producer = ARGV[2], ARGV[3], ARGV[4]
local options, before = {}, 7 + 2 * tonumber(ARGV[7])
for i = 8, before, 2 do options[ARGV[i]] = ARGV[i + 1] end
local count, close = #ARGV - before, options.close
local v = redis.call('HMGET', state, 'i', 'n', 'x', 'e', 't', 'k', '${LEASE_FIELD}', 'p:' .. producer, 'q', 'j')
if not v[1] then return {'missing'} end
local at = tonumber(v[4])
if at or v[9] then
  ${CLOCK}end
if at then
  ${IS_OVER}if isOver(at) then return {'missing'} end
end
if options.incarnation and options.incarnation ~= v[1] then return {'missing'} end
local tail = tonumber(v[2])
if v[3] then
  local c = redis.call('HMGET', state, 'y', 'z')
  local ending = c[2] or ''
  if producer ~= '' then
    if c[1] == ARGV[5] .. ' ' .. ARGV[6] .. ' ' .. producer then
      return {'duplicate', stampAt(tail), tail, 1, ARGV[6], ending}
    end
  elseif close and count == 0 and not options.metadata and not options.checkpoint
    and (not options['end'] or options['end'] == ending) then
    return {'duplicate', stampAt(tail), tail, 1, '', ending}
  end
  return {'closed', stampAt(tail), tail, ending}
end
if v[10] and count > 0 and options.list ~= v[10] and options.list ~= '*' then return {'unmarked', v[10]} end
if v[7] and producer ~= '${LEASE_PRODUCER}' then return {'leased'} end
if (kind ~= '' and kind ~= v[6]) or (options.type and options.type ~= redis.call('HGET', state, 'm')) then
  return {'content-type', redis.call('HGET', state, 'c')}
end
if producer ~= '' then
  local epoch, seq = tonumber(ARGV[5]), tonumber(ARGV[6])
  local knownEpoch, lastSeq
  if v[8] then
    knownEpoch, lastSeq = string.match(v[8], '^(%d+) (-?%d+)')
    knownEpoch, lastSeq = tonumber(knownEpoch), tonumber(lastSeq)
  end
  -- Only taking the lease raises this producer's epoch, and makes it known at all.
  if producer == '${LEASE_PRODUCER}' and (not knownEpoch or epoch > knownEpoch) then
    return {'fenced', knownEpoch or 0}
  end
  if not knownEpoch then
    if seq ~= 0 then return {'gap', 0} end
  elseif epoch < knownEpoch then
    return {'fenced', knownEpoch}
  elseif epoch > knownEpoch then
    if seq ~= 0 then return {'epoch-start'} end
  elseif seq <= lastSeq then
    return {'duplicate', stampAt(tail), tail, 0, int(lastSeq), ''}
  elseif seq ~= lastSeq + 1 then
    return {'gap', lastSeq + 1}
  end
end
if options.tail and tonumber(options.tail) ~= tail then return {'elsewhere'} end
if options.after and options.after ~= v[2] .. ' ' .. stampAt(tail) then return {'moved', stampAt(tail), tail} end
local streamSeq = options['stream-seq']
if streamSeq then
  local last = redis.call('HGET', state, 's')
  ${ABOVE}if last and not above(streamSeq, last) then return {'stream-seq', last} end
end

local bytes, lengths = 0, ''
for i = before + 1, #ARGV do bytes = bytes + #ARGV[i] end
local next = count > 0 and int(tail + count) or v[2]
if count == 1 then
  redis.call('XADD', log, next .. '-' .. stamp, 'r', ARGV[#ARGV])
  lengths = bytes
elseif count > 1 then
  lengths = {}
  for i = 1, count do
    local record = ARGV[before + i]
    redis.call('XADD', log, int(tail + i) .. '-' .. stamp, 'r', record)
    lengths[i] = #record
  end
  lengths = table.concat(lengths, ',')
end
local fields = {'n', next}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if producer ~= '' then
  if not v[8] then
    ${KNOWN_PRODUCERS}set('pn', int(withNewProducer(tonumber(options.producers))))
  end
  set('p:' .. producer, ARGV[5] .. ' ' .. ARGV[6] .. ' ' .. next)
end
if streamSeq then set('s', streamSeq) end
if options.metadata then set('d', options.metadata) end
if close then
  set('x', '1')
  if producer ~= '' then set('y', ARGV[5] .. ' ' .. ARGV[6] .. ' ' .. producer) end
  if options['end'] then set('z', options['end']) end
  redis.call('HDEL', state, 'r')
  if options.owes then set('w', options.owes) else redis.call('HDEL', state, 'l') end
elseif options.checkpoint then
  set('r', options.checkpoint)
end
if at then
  ${END_AFTER}local moved = endAfter(tonumber(v[5]), at)
  if moved ~= at then set('e', int(moved)) end
end
-- Removes what is too much, once this is told.
local trim
if v[9] and count > 0 then
  ${RETENTION}local age, most = retentionOf(v[9])
  local r = redis.call('HMGET', state, 'a', 'h', 'f')
  if age > 0 then set('h', spansWith(r[2], tail, age)) end
  local held = tonumber(r[1]) + bytes
  set('a', int(held))
  if most > 0 and held > most + math.min(math.floor(most / 8), 65536) then
    trim = function()
      local first = firstOf(r[3])
      local size, position, mark = sizes(first, tail + count - 1, held - most)
      if position <= first then return false end
      redis.call('HSET', state, 'f', int(position) .. ' ' .. mark)
      redis.call('HINCRBY', state, 'a', int(-size))
      return true
    end
  end
end
redis.call('HSET', state, unpack(fields))
if close or count > 0 then
  local ending = options['end'] or ''
  local isShown = bytes <= ${PUBLISHED_BYTES}
  local head = 'append ' .. v[1] .. ' ' .. v[2] .. ' ' .. next .. (close and ' 1 ' or ' 0 ') .. stamp .. ' ' .. v[6] .. ' '
    .. (ending == '' and '0' or #ending) .. ' ' .. (isShown and lengths or '') .. '\\n' .. ending
  redis.call('SPUBLISH', string.sub(state, 1, -6) .. 'live', isShown and head .. table.concat(ARGV, '', before + 1) or head)
end
local trimmed = trim and trim()
if count > 0 and not trimmed and not v[10] then return {ok = next .. ' ' .. v[1]} end
return {'appended', count > 0 and stamp or stampAt(tail), tail + count, v[1], trimmed and 1 or 0, v[10] or ''}
`,
)
