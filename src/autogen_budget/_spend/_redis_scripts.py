"""The books of a shared pool as Lua: each function is one script, and so one round trip and one step on the server.

All keys of one tree carry the same hash tag, so that a Redis Cluster keeps them on one node: `pools` (figures by pool),
`lines` (figures by who spent them), `holds` (what calls under way hold), `leases` (until when, by the server's own
clock) and `done` (calls that were settled, so that settling again counts once; forgotten after an hour).

Amounts are integers: tokens, calls, and billionths of a US dollar.
"""

_COMMON = """
local POOLS, LINES, HOLDS, LEASES, DONE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local FIGURES = {'calls', 'prompt', 'completion', 'cached', 'cost', 'estimated', 'unpriced'}
local SEP = '\\31'
local HOUR = 3600000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function whole(number) return string.format('%.0f', number) end
local function add(key, owner, figure, number)
  if tonumber(number) ~= 0 then redis.call('HINCRBY', key, owner .. SEP .. figure, number) end
end
local function book(hold, figures, sign)
  for place, figure in ipairs(FIGURES) do
    local number = whole(sign * figures[place])
    for _, path in ipairs(hold.paths) do add(POOLS, path, figure, number) end
    add(LINES, hold.line, figure, number)
  end
end
local function unhold(hold)
  for _, path in ipairs(hold.paths) do
    add(POOLS, path, 'held_tokens', '-' .. hold.tokens)
    add(POOLS, path, 'held_cost', '-' .. hold.cost)
    add(POOLS, path, 'held_calls', '-' .. hold.calls)
  end
end
-- A call whose process died was most likely made: what it held is charged, as estimated prompt tokens.
local function charge_of(hold)
  local tokens = tonumber(hold.tokens)
  return {tonumber(hold.calls), tokens, 0, 0, tonumber(hold.cost), tokens, 0}
end
local function done(id) redis.call('ZADD', DONE, whole(now + HOUR), id) end
local function sweep()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', whole(now), 'LIMIT', 0, 100)) do
    local stored = redis.call('HGET', HOLDS, id)
    if stored then
      local hold = cjson.decode(stored)
      unhold(hold)
      book(hold, charge_of(hold), 1)
      redis.call('HSET', HOLDS, id, 'x' .. stored)
      done(id)
    end
    redis.call('ZREM', LEASES, id)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DONE, '-inf', whole(now), 'LIMIT', 0, 100)) do
    redis.call('HDEL', HOLDS, id)
    redis.call('ZREM', DONE, id)
  end
end
-- What a call held is taken off the books, whether its lease still runs or was charged. False: nothing is known of it.
local function close(id)
  local stored = redis.call('HGET', HOLDS, id)
  if not stored then return false end
  if string.sub(stored, 1, 1) == 'x' then
    local hold = cjson.decode(string.sub(stored, 2))
    book(hold, charge_of(hold), -1)
  else
    unhold(cjson.decode(stored))
  end
  redis.call('HDEL', HOLDS, id)
  redis.call('ZREM', LEASES, id)
  done(id)
  return true
end
"""

HOLD = (
    _COMMON
    + """
-- ARGV: id, lease in microseconds, hold as JSON, optional, then per pool (the one that pays first): three limits or ''.
local id, hold = ARGV[1], cjson.decode(ARGV[3])
local asked = {tonumber(hold.tokens), tonumber(hold.cost), tonumber(hold.calls)}
local optional = ARGV[4] == '1'
sweep()
if redis.call('HEXISTS', HOLDS, id) == 1 then return {1} end
local function number(path, figure) return tonumber(redis.call('HGET', POOLS, path .. SEP .. figure) or 0) end
local pools = {}
for place, path in ipairs(hold.paths) do
  local limits = {}
  for unit = 1, 3 do limits[unit] = tonumber(ARGV[4 + (place - 1) * 3 + unit]) or math.huge end
  pools[place] = {
    path = path, limits = limits,
    spent = {number(path, 'prompt') + number(path, 'completion'), number(path, 'cost'), number(path, 'calls')},
    held = {number(path, 'held_tokens'), number(path, 'held_cost'), number(path, 'held_calls')},
  }
  if redis.call('HEXISTS', POOLS, path .. SEP .. 'refused_tokens') == 1 then
    pools[place].refused =
      {number(path, 'refused_tokens'), number(path, 'refused_cost'), number(path, 'refused_calls')}
  end
end
local function exceeded(pool, ...)
  for unit = 1, 3 do
    local sum = pool.spent[unit]
    for _, amount in ipairs({...}) do sum = sum + amount[unit] end
    if sum > pool.limits[unit] then return unit end
  end
end
local function exhausted(pool)
  for unit = 1, 3 do
    if pool.spent[unit] >= pool.limits[unit] then return unit end
  end
  return pool.refused and exceeded(pool, pool.refused)
end
for place, pool in ipairs(pools) do
  local closed = exhausted(pool)
  local unit = closed or exceeded(pool, asked)
  if unit then
    if not closed and not optional then
      redis.call('HSET', POOLS, pool.path .. SEP .. 'refused_tokens', hold.tokens,
        pool.path .. SEP .. 'refused_cost', hold.cost, pool.path .. SEP .. 'refused_calls', hold.calls)
    end
    return {0, place - 1, unit - 1, 1}
  end
end
for place, pool in ipairs(pools) do
  local unit = exceeded(pool, pool.held, asked)
  if unit then return {0, place - 1, unit - 1, 0} end
end
for _, pool in ipairs(pools) do
  for place, unit in ipairs({'tokens', 'cost', 'calls'}) do
    add(POOLS, pool.path, 'held_' .. unit, hold[unit])
    if not optional and asked[place] > number(pool.path, 'largest_' .. unit) then
      redis.call('HSET', POOLS, pool.path .. SEP .. 'largest_' .. unit, hold[unit])
    end
  end
end
redis.call('HSET', HOLDS, id, ARGV[3])
redis.call('ZADD', LEASES, whole(now + ARGV[2]), id)
return {1}
"""
)

SETTLE = (
    _COMMON
    + """
-- ARGV: id, hold as JSON, seven figures. The hold is told again, for a server that has lost it.
sweep()
local id, figures = ARGV[1], {}
for place = 1, 7 do figures[place] = tonumber(ARGV[2 + place]) end
if not close(id) then
  if redis.call('ZSCORE', DONE, id) then return 0 end
  done(id)
end
book(cjson.decode(ARGV[2]), figures, 1)
return 1
"""
)

RELEASE = (
    _COMMON
    + """
sweep()
return close(ARGV[1]) and 1 or 0
"""
)

RENEW = (
    _COMMON
    + """
-- ARGV: lease in microseconds, then ids. A lease that has ended is not taken up again.
sweep()
for place = 2, #ARGV do redis.call('ZADD', LEASES, 'XX', whole(now + ARGV[1]), ARGV[place]) end
return 1
"""
)

LOOK = (
    _COMMON
    + """
-- ARGV: 1 for the lines as well: there are as many as agents.
sweep()
return {redis.call('HGETALL', POOLS), ARGV[1] == '1' and redis.call('HGETALL', LINES) or {}}
"""
)
