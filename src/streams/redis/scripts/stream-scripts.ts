/**
 * What happens to a stream in Redis, each in one step: the decisions of bookkeeping.ts, once more in
 * Lua, in the same order. script.ts says which keys and arguments all of them share.
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
import { LEASE_PRODUCER } from '../../leases.ts'
import { KNOWN_PRODUCERS } from './known-producers-lua.ts'
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

/**
 * ARGV: incarnation, media type, kind, close, id, epoch and seq of the producer, stream seq, metadata,
 * checkpoint (each empty for none), stamp, the lengths of the records, or empty to publish none, the
 * tail that it must follow as an append that was lost, or empty, what it is closed with, or empty,
 * position and stamp of the tail that it asks for, or empty, what it owes, or empty, the list on which it
 * is marked, or empty for none and `*` for any, how many producers a stream knows, records.
 * Gives the outcome and what belongs to it: with a place its stamp and position. `unmarked` comes with the list that
 * the stream is on: see latest-lists.ts.
 */
export const APPEND: RedisScript = streamScript(
  'write',
  `${RETENTION}${KNOWN_PRODUCERS}local incarnation, mediaType, kind, close, producer = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', ARGV[6]
local streamSeq, metadata, checkpoint = ARGV[9], ARGV[10], ARGV[11]
local count, ending, owes, list = #ARGV - 19, ARGV[15], ARGV[17], ARGV[18]
local v = redis.call('HMGET', state, 'i', 'n', 'x', 'e', 't', 'm', 'k', 's', 'c', 'y', '${LEASE_FIELD}', 'p:' .. producer,
  'z', 'q', 'a', 'h', 'f', 'j')
local at = tonumber(v[4])
if not v[1] or isOver(at) then return {'missing'} end
if incarnation ~= '' and incarnation ~= v[1] then return {'missing'} end
local tail = tonumber(v[2])
local this = producer ~= '' and (ARGV[7] .. ' ' .. ARGV[8] .. ' ' .. producer) or ''
if v[3] then
  if producer ~= '' then
    if v[10] == this then return {'duplicate', stampAt(tail), tail, 1, ARGV[8], v[13] or ''} end
  elseif close and count == 0 and metadata == '' and checkpoint == '' and (ending == '' or ending == v[13]) then
    return {'duplicate', stampAt(tail), tail, 1, '', v[13] or ''}
  end
  return {'closed', stampAt(tail), tail, v[13] or ''}
end
if v[18] and count > 0 and list ~= v[18] and list ~= '*' then return {'unmarked', v[18]} end
if v[11] and producer ~= '${LEASE_PRODUCER}' then return {'leased'} end
if (mediaType ~= '' and mediaType ~= v[6]) or (kind ~= '' and kind ~= v[7]) then
  return {'content-type', v[9]}
end
if producer ~= '' then
  local epoch, seq = tonumber(ARGV[7]), tonumber(ARGV[8])
  local knownEpoch, lastSeq
  if v[12] then
    knownEpoch, lastSeq = string.match(v[12], '^(%d+) (-?%d+)')
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
if ARGV[14] ~= '' and tonumber(ARGV[14]) ~= tail then return {'elsewhere'} end
if ARGV[16] ~= '' and ARGV[16] ~= int(tail) .. ' ' .. stampAt(tail) then return {'moved', stampAt(tail), tail} end
if streamSeq ~= '' and v[8] and not above(streamSeq, v[8]) then return {'stream-seq', v[8]} end

local stamp = ARGV[12]
for i = 1, count do redis.call('XADD', log, int(tail + i) .. '-' .. stamp, 'r', ARGV[19 + i]) end
local fields = {'n', int(tail + count)}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if producer ~= '' then
  if not v[12] then set('pn', int(withNewProducer(tonumber(ARGV[19])))) end
  set('p:' .. producer, ARGV[7] .. ' ' .. ARGV[8] .. ' ' .. int(tail + count))
end
if streamSeq ~= '' then set('s', streamSeq) end
if metadata ~= '' then set('d', metadata) end
if checkpoint ~= '' and not close then set('r', checkpoint) end
if close then
  set('x', '1')
  if this ~= '' then set('y', this) end
  if ending ~= '' then set('z', ending) end
  redis.call('HDEL', state, 'r')
  if owes ~= '' then set('w', owes) else redis.call('HDEL', state, 'l') end
end
local moved = endAfter(tonumber(v[5]), at)
if moved ~= at then set('e', int(moved)) end
local excess = 0
if v[14] and count > 0 then
  local age, most = retentionOf(v[14])
  if age > 0 then set('h', spansWith(v[16], tail, age)) end
  local held = tonumber(v[15])
  for i = 20, #ARGV do held = held + #ARGV[i] end
  if most > 0 and held > most + math.min(math.floor(most / 8), 65536) then excess = held - most end
  set('a', int(held))
end
redis.call('HSET', state, unpack(fields))
if close or count > 0 then
  local head = 'append ' .. v[1] .. ' ' .. int(tail) .. ' ' .. int(tail + count) .. ' ' .. (close and '1' or '0')
    .. ' ' .. stamp .. ' ' .. v[7] .. ' ' .. int(#ending) .. ' ' .. ARGV[13] .. '\\n' .. ending
  redis.call('SPUBLISH', channel, ARGV[13] == '' and head or head .. table.concat(ARGV, '', 20))
end
if excess > 0 then
  local first = firstOf(v[17])
  local bytes, position, mark = sizes(first, tail + count - 1, excess)
  if position > first then
    redis.call('HSET', state, 'f', int(position) .. ' ' .. mark)
    redis.call('HINCRBY', state, 'a', int(-bytes))
  else
    excess = 0
  end
end
return {'appended', count > 0 and stamp or stampAt(tail), tail + count, v[1], excess > 0 and 1 or 0, v[18] or ''}
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
if not v[1] or isOver(at) then return {} end
if ARGV[2] ~= '' and ARGV[2] ~= v[1] then return {} end
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
