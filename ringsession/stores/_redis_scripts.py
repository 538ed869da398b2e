"""What Redis and Valkey do with a session: one Lua script for each operation, on one key.

Owns the form of the hash. Knows no client.

A session is a hash with a time to live. `r` is its record; `v` counts its writes; `i` is its idle time in milliseconds and `a` the
end of its absolute time by the server's clock, each empty for none. A tombstone has `s` alone. A write
that was overtaken cannot replace the record, so it puts each key of the session that it changed beside it, as `=key` (empty: it
was removed), and sets `o`; the next write that is not overtaken, and so has read them all, clears them.
"""

from __future__ import annotations

from hashlib import sha1
from typing import NamedTuple


class Script(NamedTuple):
    """A script and the name under which a server keeps it."""

    text: bytes
    sha: bytes


def _script(*parts: str) -> Script:
    text = "\n".join(parts).encode()
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode())


# "Time is the store's own clock": milliseconds since 1970.
_NOW = """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end"""

# One text where there is no more to say; else that text and the pairs beside the record.
_ANSWER = """
local function answer(head, record, overtaken)
  if not overtaken then return head .. record end
  local all, beside = redis.call('HGETALL', KEYS[1]), {head .. record}
  for n = 1, #all, 2 do
    if string.sub(all[n], 1, 1) == '=' then
      beside[#beside + 1] = string.sub(all[n], 2)
      beside[#beside + 1] = all[n + 1]
    end
  end
  return beside
end"""

_PUT = """
local function after(version)
  return string.format('%d', version + 1)
end

local function put(record, version, overtaken)
  redis.call('HSET', KEYS[1], 'r', record, 'v', after(version))
  if overtaken then
    redis.call('HDEL', KEYS[1], 'o')
    for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
      if string.sub(name, 1, 1) == '=' then redis.call('HDEL', KEYS[1], name) end
    end
  end
end"""

# -> nil; "dead"; or "<moved> <milliseconds left> <version> <record>"
LOAD = _script(
    _NOW,
    _ANSWER,
    """
local h = redis.call('HMGET', KEYS[1], 'r', 'v', 'i', 'a', 'o')
if not h[1] then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 'dead' end
  return false
end
local left, moved = redis.call('PTTL', KEYS[1]), 0
if h[3] ~= '' then
  local idle = tonumber(h[3])
  local to, step = idle, math.min(60000, idle / 10)
  if h[4] ~= '' and h[4] - now() < idle then
    to, step = h[4] - now(), math.min(1000, step)  -- the last stretch is given whole
  end
  if to - left >= step then
    redis.call('PEXPIRE', KEYS[1], string.format('%d', to))
    left, moved = to, 1
  end
end
return answer(string.format('%d %d %s ', moved, left, h[2]), h[1], h[5])""",
)

# record, idle and absolute time in milliseconds or empty -> 1, or 0 if there is something
CREATE = _script(
    _NOW,
    """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local ends, left = '', ARGV[2]
if ARGV[3] ~= '' then
  ends = string.format('%d', now() + ARGV[3])
  if left == '' or tonumber(ARGV[3]) < tonumber(left) then left = ARGV[3] end
end
redis.call('HSET', KEYS[1], 'r', ARGV[1], 'v', '0', 'i', ARGV[2], 'a', ends)
if left ~= '' then redis.call('PEXPIRE', KEYS[1], left) end
return 1""",
)

# version, record, how many keys were changed, those with their values, those that were removed -> 1, or 0 if it is not live
PATCH = _script(
    _PUT,
    """
local h = redis.call('HMGET', KEYS[1], 'v', 'o')
if not h[1] then return 0 end
if h[1] == ARGV[1] then
  put(ARGV[2], h[1], h[2])
  return 1
end
local changed = 3 + 2 * ARGV[3]
for n = 4, changed, 2 do redis.call('HSET', KEYS[1], '=' .. ARGV[n], ARGV[n + 1]) end
for n = changed + 1, #ARGV do redis.call('HSET', KEYS[1], '=' .. ARGV[n], '') end
redis.call('HSET', KEYS[1], 'o', '1', 'v', after(h[1]))
return 1""",
)

# version, record -> 1; 0 if it is not live; -1 if it was overtaken
REPLACE = _script(
    _PUT,
    """
local h = redis.call('HMGET', KEYS[1], 'v', 'o')
if not h[1] then return 0 end
if h[1] ~= ARGV[1] then return -1 end
put(ARGV[2], h[1], h[2])
return 1""",
)

# the tombstone's milliseconds -> nil if it is not live, else "0 0 <version> <record>"
CLAIM = _script(
    _ANSWER,
    """
local h = redis.call('HMGET', KEYS[1], 'r', 'v', 'o')
if not h[1] then return false end
local found = answer('0 0 ' .. h[2] .. ' ', h[1], h[3])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 's', 'dead')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return found""",
)

# the tombstone's milliseconds -> 1, or 0 if it is not live
DESTROY = _script(
    """
if redis.call('HEXISTS', KEYS[1], 'r') == 0 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 's', 'dead')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1""",
)
