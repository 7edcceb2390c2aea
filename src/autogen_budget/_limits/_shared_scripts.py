"""The gate that processes share, as Lua: each function is one script, and so one round trip and one step on the server.

All keys of one gate carry the same hash tag, so that a Redis Cluster keeps them on one node: `queue` (calls that wait,
by when they came), `calls` (what each call asks for), `leases` (until when a call counts, by the server's own clock),
`held` (sums of what is under way) and `minute` (sums of what was sent, by second). However much is sent, a minute has
two figures a second at most.

A call is admitted by whoever runs a script, not only by its own process: a caller that asks late holds nobody up.
Each call carries the bounds of its own process.
"""

KEYS = ("queue", "calls", "leases", "held", "minute")

_COMMON = """
local QUEUE, CALLS, LEASES, HELD, MINUTE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local MILLION = 1000000
local WINDOW = 62  -- seconds: a minute, one that a caller may learn late that it is admitted, and one on the way
local DAY = 86400
local CONCURRENCY, RATE = 0, 1
local time = redis.call('TIME')
local now = time[1] * MILLION + time[2]
local function whole(number) return string.format('%.0f', number) end
local function held(figure) return tonumber(redis.call('HGET', HELD, figure) or 0) end
local function hold(call, sign)
  redis.call('HINCRBY', HELD, 'calls', whole(sign * call.weight))
  redis.call('HINCRBY', HELD, 'tokens', whole(sign * call.weight * call.tokens))
  redis.call('EXPIRE', HELD, DAY)
end
local function count(kind, number)
  redis.call('HINCRBY', MINUTE, time[1] .. kind, whole(number))
  redis.call('EXPIRE', MINUTE, 2 * WINDOW)
end
local function leave(id)
  local stored = redis.call('HGET', CALLS, id)
  if not stored then return end
  if redis.call('ZREM', QUEUE, id) == 0 then hold(cjson.decode(stored), -1) end
  redis.call('HDEL', CALLS, id)
  redis.call('ZREM', LEASES, id)
end
local function sweep()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', whole(now), 'LIMIT', 0, 100)) do leave(id) end
end
-- Microseconds until so much more may be sent; what is larger than the bound goes when nothing else went.
local function wait_for_rate(kind, amount, bound)
  if not bound then return 0 end
  local total, seconds, sums = 0, {}, {}
  local flat = redis.call('HGETALL', MINUTE)
  for place = 1, #flat, 2 do
    local second = tonumber(string.sub(flat[place], 1, -2))
    if (second + 1 + WINDOW) * MILLION <= now then
      redis.call('HDEL', MINUTE, flat[place])
    elseif string.sub(flat[place], -1) == kind then
      table.insert(seconds, second)
      sums[second] = tonumber(flat[place + 1])
      total = total + sums[second]
    end
  end
  table.sort(seconds)
  for _, second in ipairs(seconds) do
    if total + amount <= bound then return 0 end
    total = total - sums[second]
    if total == 0 or total + amount <= bound then return (second + 1 + WINDOW) * MILLION - now end
  end
  return 0
end
-- Microseconds that a call has to wait at least, and what for; -1 means until another one ends.
local function wait_for(call)
  local calls, tokens = held('calls'), held('tokens')
  if calls > 0 and call.max_calls and calls + call.weight > call.max_calls then return -1, CONCURRENCY end
  if tokens > 0 and call.max_tokens and tokens + call.weight * call.tokens > call.max_tokens then
    return -1, CONCURRENCY
  end
  local requests = wait_for_rate('r', 1, call.requests)
  return math.max(requests, wait_for_rate('t', call.tokens, call.tokens_per_minute)), RATE
end
local function let_through()
  for _ = 1, 100 do
    local id = redis.call('ZRANGE', QUEUE, 0, 0)[1]
    if not id then return 0, 0 end
    local call = cjson.decode(redis.call('HGET', CALLS, id))
    local wait, reason = wait_for(call)
    if wait ~= 0 then return wait, reason end
    redis.call('ZREM', QUEUE, id)
    hold(call, 1)
    count('r', 1)
    count('t', call.tokens)
  end
  return 0, 0
end
"""

ASK = (
    _COMMON
    + """
-- ARGV: id, the call as JSON, microseconds since it came, its lease once it is admitted, its lease while it waits.
local id = ARGV[1]
sweep()
if redis.call('HEXISTS', CALLS, id) == 0 then
  redis.call('HSET', CALLS, id, ARGV[2])
  redis.call('ZADD', QUEUE, whole(now - ARGV[3]), id)
end
local wait, reason = let_through()
local place = redis.call('ZRANK', QUEUE, id)
redis.call('ZADD', LEASES, whole(now + (place and ARGV[5] or ARGV[4])), id)
if not place then return {1, 0, 0, 0} end
return {0, place, whole(wait), reason}
"""
)

LEAVE = (
    _COMMON
    + """
sweep()
leave(ARGV[1])
let_through()
return 1
"""
)

RENEW = (
    _COMMON
    + """
-- ARGV: lease, then ids and calls by turns. A call that the server has lost is under way all the same.
for place = 2, #ARGV, 2 do
  local id, call = ARGV[place], ARGV[place + 1]
  if redis.call('HSETNX', CALLS, id, call) == 1 then hold(cjson.decode(call), 1) end
  redis.call('ZADD', LEASES, whole(now + ARGV[1]), id)
end
redis.call('EXPIRE', HELD, DAY)
sweep()
return 1
"""
)

SPEND = (
    _COMMON
    + """
count('t', ARGV[1])
return 1
"""
)
