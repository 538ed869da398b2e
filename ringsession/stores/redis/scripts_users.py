"""The Lua scripts for the sessions of a user: one for each operation, on one key.

A user's index is a hash under `prefix + "user:" + owner`. It has a field for each login, whose name
is the handle, and whose value is

    + or -   the login counts, or it has been ended
    ends     when its sessions end at the latest, in milliseconds since 1970. A session may be
             created a minute after it was enlisted, half of it by another clock
    key:enlisted   for each session of the login: its key, and when it was enlisted

A session is enlisted before it is created. So whoever ends a login finds each key under which a
session is or will be.
"""

from __future__ import annotations

from .scripts import make_check, make_script

SAMPLE = 8
_SAMPLED_FROM = 16  # logins; a user with fewer has an index that is small enough
CLEANED_AFTER = 60  # seconds since the enlisting; long after that, no `create` can follow

# handle; key; 1 if it continues a login; milliseconds to live at most
# -> {0} if the login was ended; or {1, now, and of some other logins: handle, value, ...}
ENLIST = make_script(f"""
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if entry and string.sub(entry, 1, 1) ~= '+' or not entry and ARGV[3] == '1' then return {{0}} end
local ends, keys = now + ARGV[4] + $TOMBSTONE, ''
if entry then
  local before, found = string.match(entry, '^. (%d+)(.*)$')
  ends, keys = math.max(ends, before), found
end
if not string.find(keys, ' ' .. ARGV[2] .. ':', 1, true) then
  keys = keys .. ' ' .. ARGV[2] .. ':' .. string.format('%d', now)
end
redis.call('HSET', KEYS[1], ARGV[1], '+ ' .. string.format('%d', ends) .. keys)
if redis.call('PTTL', KEYS[1]) < ends - now then
  redis.call('PEXPIREAT', KEYS[1], string.format('%d', ends))
end
local answer = {{1, string.format('%d', now)}}
if redis.call('HLEN', KEYS[1]) < {_SAMPLED_FROM} then return answer end
local sample = redis.call('HRANDFIELD', KEYS[1], {SAMPLE}, 'WITHVALUES')
for i = 1, #sample, 2 do
  if tonumber(string.match(sample[i + 1], '^. (%d+)')) < now then
    redis.call('HDEL', KEYS[1], sample[i])
  elseif sample[i] ~= ARGV[1] then
    answer[#answer + 1], answer[#answer + 2] = sample[i], sample[i + 1]
  end
end
return answer""")

# handle; key; milliseconds since its enlisting -> 1. Drops the key, and a login without keys.
DROP = make_script("""
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry then return 1 end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local first, last, enlisted = string.find(entry, ' ' .. ARGV[2] .. ':(%d+)')
if not first or now - enlisted < tonumber(ARGV[3]) then return 1 end
entry = string.sub(entry, 1, first - 1) .. string.sub(entry, last + 1)
if string.find(entry, ':', 1, true) then
  redis.call('HSET', KEYS[1], ARGV[1], entry)
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1""")

# "all", "one" or "but"; handle, for the last two -> handle, value, ... of the logins that end
MARK = make_script("""
local found, answer = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #found, 2 do
  local handle, entry = found[i], found[i + 1]
  if ARGV[1] == 'all' or (ARGV[1] == 'one') == (handle == ARGV[2]) then
    redis.call('HSET', KEYS[1], handle, '-' .. string.sub(entry, 2))
    answer[#answer + 1], answer[#answer + 2] = handle, entry
  end
end
return answer""")

_END = """
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], 'D ' .. cookie .. ' ' .. began, 'PX', $TOMBSTONE)
return 1"""
_FIELDS = "'^%S+ %S+ %S+ (%S+) %S+ %S+ %S+ (%S+) (%S+)'"

# 1 if an earlier try may have ended the session -> 1; 0 if it was not live. Also plants a tombstone
# where nothing is stored, which refuses the `create` that may still come.
END = make_script(f"""
local h = redis.call('GETRANGE', KEYS[1], 0, $HEAD)
local kind, cookie, began = string.sub(h, 1, 2), '-', '-'
if kind == 'D ' and ARGV[1] == '1' then return h == 'D - -' and 0 or 1 end
if h == '' then
  redis.call('SET', KEYS[1], 'D - -', 'PX', $TOMBSTONE)
  return 0
end
if kind ~= 'L ' then return 0 end
local _
_, cookie, began = string.match(h, {_FIELDS})""" + _END)

# the hash of a cookie's name; milliseconds since 1970
# -> 1; 0 unless the session is live, of this cookie, and began at this time at the latest
END_OLD = make_script(f"""
local h = redis.call('GETRANGE', KEYS[1], 0, $HEAD)
if string.sub(h, 1, 2) ~= 'L ' then return 0 end
local created, cookie, began = string.match(h, {_FIELDS})
if cookie ~= ARGV[1] or tonumber(began == '-' and created or began) > tonumber(ARGV[2]) then
  return 0
end""" + _END)

# For the scripts above, and for what `users.py` sends by itself.
CHECK_USERS = make_check("""
for name in string.gmatch('hgetall hlen pttl', '%S+') do check(name, KEYS[1]) end
for name in string.gmatch('hget hdel hrandfield', '%S+') do check(name, KEYS[1], '1') end
check('hset', KEYS[1], '0', '0')""")
