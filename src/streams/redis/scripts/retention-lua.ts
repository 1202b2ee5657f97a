/**
 * Lua of the scripts that keep a retention: retention.ts, once more. In the state of a stream `q` is the retention,
 * `age bytes`, 0 for none; `a` the bytes of its records; `h` its spans, `at:from at:from`.
 */
import { MOST_SPANS } from '../../bookkeeping/retention.ts'

export const RETENTION: string = `local function retentionOf(text)
  local age, most = string.match(text or '', '^(%d+) (%d+)$')
  return tonumber(age) or 0, tonumber(most) or 0
end
local function stepOf(age) return math.max(1, math.ceil(age / 16)) end
-- Bytes of the records behind a position, up to another one or until they are so many; where that is, and the stamp there.
local function sizes(from, to, most)
  local bytes, at, stamp = 0, from, ''
  while at < to and bytes < most do
    local found = redis.call('XRANGE', log, int(at + 1) .. '-0', int(to), 'COUNT', 64)
    if #found == 0 then break end
    for _, entry in ipairs(found) do
      local position, mark = string.match(entry[1], '^(%d+)-(%d+)$')
      at, stamp = tonumber(position), mark
      bytes = bytes + #entry[2][2]
      if bytes >= most then break end
    end
  end
  return bytes, at, stamp
end
local function halved(text)
  local halves, first = {}, nil
  for at, from in string.gmatch(text, '(%d+):(%d+)') do
    if first then
      halves[#halves + 1] = int(math.max(first.at, tonumber(at))) .. ':' .. first.from
      first = nil
    else
      first = { at = tonumber(at), from = from }
    end
  end
  if first then halves[#halves + 1] = int(first.at) .. ':' .. first.from end
  return table.concat(halves, ' ')
end
local function spansWith(text, from, age)
  local last = string.match(text or '', '(%d+):%d+$')
  if last and now - tonumber(last) < stepOf(age) then return text end
  if last and select(2, string.gsub(text, ':', ':')) >= ${MOST_SPANS} then text = halved(text) end
  return (last and text .. ' ' or '') .. int(now) .. ':' .. int(from)
end
-- The position of what is young enough, or nil; the spans that are left; when to look again.
local function agedBy(text, tail, age)
  local left, cut, first, due = {}, false, tail, now + stepOf(age) + age
  for at, from in string.gmatch(text or '', '(%d+):(%d+)') do
    local begun = math.min(tonumber(at), now)
    if #left == 0 and begun + stepOf(age) + age <= now then
      cut = true
    else
      if #left == 0 then first, due = tonumber(from), begun + stepOf(age) + age end
      left[#left + 1] = int(begun) .. ':' .. from
    end
  end
  return cut and first or nil, table.concat(left, ' '), due
end
`
