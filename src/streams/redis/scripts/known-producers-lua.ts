/**
 * Lua: how many producers a stream knows with a new one, for which those are forgotten that are too many:
 * known-producers.ts, once more. `@lease` is not among them, as it alone writes to a stream that has it. They are counted
 * where that is not known yet, and whenever some are forgotten. A producer from before positions were kept is
 * forgotten first.
 */
export const KNOWN_PRODUCERS = `local function withNewProducer(most)
  local count = tonumber(redis.call('HGET', state, 'pn'))
  if count and count < most then return count + 1 end
  local all, known = redis.call('HGETALL', state), {}
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'p:' then
      known[#known + 1] = {all[i], tonumber(string.match(all[i + 1], '^%d+ %-?%d+ (%d+)$')) or 0}
    end
  end
  if #known < most then return #known + 1 end
  table.sort(known, function(a, b) return a[2] < b[2] end)
  local excess = #known - most + math.max(1, math.floor(most / 8))
  for i = 1, excess do redis.call('HDEL', state, known[i][1]) end
  return #known - excess + 1
end
`
