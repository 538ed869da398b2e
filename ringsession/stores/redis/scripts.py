"""The Lua scripts that run in Redis and Valkey: one for each operation, on one key.

`layout.py` describes the string under the key. The comment before a script lists its arguments,
and after "->" its answer.
"""

from __future__ import annotations

from hashlib import sha1
from typing import NamedTuple

from ..deadlines import TOMBSTONE
from .layout import COUNT, CREATED_END, DISPOSABLE, FLAGS_END, LONGEST_HEAD, SEEN

# Seconds between the enlisting of a login and its `create`. A tombstone that `end_sessions` plants
# lives longer by as much as the clocks of two nodes may differ.
FENCE = TOMBSTONE // 2
MOST_DELTAS = 999  # the largest number of three digits


class Script(NamedTuple):
    """A script and the name under which a server keeps it."""

    text: bytes
    sha: bytes


def make_script(text: str) -> Script:
    # Positions in Lua start at 1 and ranges include their end. Offsets of SETRANGE start at 0.
    values = {
        "$DISPOSABLE_AT": DISPOSABLE,
        "$COUNT_AT": COUNT,
        "$SEEN_AT": SEEN,
        "$TIMES": f"{SEEN + 1}, {CREATED_END}",
        "$KEPT": f"{SEEN}, {DISPOSABLE}",
        "$DISPOSABLE": DISPOSABLE + 1,
        "$REMEMBERED": DISPOSABLE + 2,
        "$COUNT": f"{COUNT + 1}, {FLAGS_END}",
        "$BEFORE_COUNT": COUNT,
        "$FIELDS": FLAGS_END + 1,
        "$HEAD": LONGEST_HEAD,
        "$TOMBSTONE": TOMBSTONE * 1000,
        "$MOST": MOST_DELTAS,
        "$FENCE": FENCE * 1000,
    }
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(name, str(values[name]))
    encoded = text.strip().encode()
    return Script(encoded, sha1(encoded, usedforsecurity=False).hexdigest().encode())


# "L " and a version; the rest from the flags on; milliseconds to live, or empty; when the login was
# enlisted, or empty -> 1; 0 if another call stored something under the key
CREATE = make_script("""
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) == ARGV[1] then return 1 end
  return 0
end
local t = redis.call('TIME')
local clock = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[4] ~= '' and math.abs(clock - ARGV[4]) > $FENCE then
  return redis.error_reply('ERR the clocks of two nodes differ by more than 30 s, or the login took'
    .. ' as long')
end
local now = string.format('%013d', clock)
local value = ARGV[1] .. ' ' .. now .. ' ' .. now .. ' ' .. ARGV[2]
if ARGV[3] == '' then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PX', ARGV[3])
end
return 1""")

# "L " and the version that was read; "L " and a new version; 1 if the change is disposable; record
# -> 1; 0 if the session is not live; 2 if another write was faster
WRITE = make_script("""
local h = redis.call('GETRANGE', KEYS[1], 0, $HEAD)
local found = string.sub(h, 1, #ARGV[1])
if found ~= ARGV[1] then
  if found == ARGV[2] then return 1 end
  if string.sub(h, 1, 2) == 'L ' then return 2 end
  return 0
end
local disposable = ARGV[3] == '1' and string.sub(h, $DISPOSABLE, $DISPOSABLE) or '0'
local rest = string.sub(h, $FIELDS, string.find(h, '\\n', $FIELDS, true))
redis.call('SET', KEYS[1], ARGV[2] .. string.sub(h, $KEPT) .. disposable
  .. string.sub(h, $REMEMBERED, $REMEMBERED) .. '000' .. rest .. ARGV[4], 'KEEPTTL')
return 1""")

# "L " and a new version; 1 if the change is disposable; delta
# -> the number of deltas; 0 if the session is not live
MERGE = make_script("""
local h = redis.call('GETRANGE', KEYS[1], 0, $FIELDS)
if string.sub(h, 1, 2) ~= 'L ' then return 0 end
local count = tonumber(string.sub(h, $COUNT))
if string.sub(h, 1, #ARGV[1]) == ARGV[1] then return count end
if count == $MOST then return redis.error_reply('ERR too many writes at the same time') end
redis.call('APPEND', KEYS[1], ARGV[3])
redis.call('SETRANGE', KEYS[1], 0, ARGV[1])
redis.call('SETRANGE', KEYS[1], $COUNT_AT, string.format('%03d', count + 1))
if ARGV[2] ~= '1' then redis.call('SETRANGE', KEYS[1], $DISPOSABLE_AT, '0') end
return count + 1""")

# record and deltas as they were read; the record merged from them; the number of deltas
# -> 1; 0 if the string has another record or other deltas now
FOLD = make_script("""
local v = redis.call('GET', KEYS[1])
if not v or string.sub(v, 1, 2) ~= 'L ' then return 0 end
local first = string.find(v, '\\n', $FIELDS, true) + 1
local after = first + #ARGV[1]
if string.sub(v, first, after - 1) ~= ARGV[1] then return 0 end
local count = tonumber(string.sub(v, $COUNT)) - ARGV[3]
if count < 0 or #v >= after and string.sub(v, after, after) ~= '\\n' then return 0 end
redis.call('SET', KEYS[1], string.sub(v, 1, $BEFORE_COUNT) .. string.format('%03d', count)
  .. string.sub(v, $FIELDS, first - 1) .. ARGV[2] .. string.sub(v, after), 'KEEPTTL')
return 1""")

# `seen` and `created` as they were read; new ones; when the session ends, in milliseconds since
# 1970, or empty -> 1; 0 if another call was faster or the session is not live
TOUCH = make_script("""
local h = redis.call('GETRANGE', KEYS[1], 0, $FIELDS)
if string.sub(h, 1, 2) ~= 'L ' or string.sub(h, $TIMES) ~= ARGV[1] then return 0 end
if ARGV[3] ~= '' then redis.call('PEXPIREAT', KEYS[1], ARGV[3]) end
redis.call('SETRANGE', KEYS[1], $SEEN_AT, ARGV[2])
return 1""")

# The script deletes the old string first, since a full server refuses SET unless the same script
# has already deleted something.
_BURY = """
local cookie, began, owner, handle =
  string.match(h, '^%S+ %S+ %S+ %S+ %S+ %S+ %S+ (%S+) (%S+) (%S+) (%S+)')
redis.call('DEL', KEYS[1])
"""
# The answer for a session that was buried: 1, or the owner and the handle of its login.
_BURIED = """
if owner == '-' then return 1 end
return owner .. ' ' .. handle"""

# "L " and a version; successor
# -> 1, or "owner handle"; 0 if the session is not live at this version
CLAIM = make_script(
    """
local h = redis.call('GETRANGE', KEYS[1], 0, $HEAD)
if string.sub(h, 1, 2) == 'M ' then
  if string.match(h, '%S+$') == ARGV[2] then return 1 end
  return 0
end
if string.sub(h, 1, #ARGV[1]) ~= ARGV[1] then return 0 end"""
    + _BURY
    + """local value = 'M ' .. cookie .. ' ' .. began .. ' ' .. ARGV[2]
redis.call('SET', KEYS[1], value, 'PX', $TOMBSTONE)"""
    + _BURIED
)

# 1 if an earlier try may have ended the session -> 1, or "owner handle"; 0 if it is not live
DESTROY = make_script(
    """
local h = redis.call('GETRANGE', KEYS[1], 0, $HEAD)
if string.sub(h, 1, 2) == 'D ' and ARGV[1] == '1' then return 1 end
if string.sub(h, 1, 2) ~= 'L ' then return 0 end"""
    + _BURY
    + """redis.call('SET', KEYS[1], 'D ' .. cookie .. ' ' .. began, 'PX', $TOMBSTONE)"""
    + _BURIED
)


def make_check(checks: str) -> Script:
    """Return a script that answers with nil, or the commands that the ACL forbids.

    checks: Lua that calls `check(name, ...)`, which runs no command.
    """
    return make_script(f"""
local refused = {{}}
local function check(name, ...)
  if not redis.acl_check_cmd(name, ...) then refused[#refused + 1] = name end
end
{checks}
if #refused > 0 then return table.concat(refused, ' ') end
return false""")


# For the scripts above.
CHECK = make_check("""
check('eval', 'return 1', '1', KEYS[1])
for name in string.gmatch('exists del', '%S+') do check(name, KEYS[1]) end
for name in string.gmatch('append pexpireat set', '%S+') do check(name, KEYS[1], '0') end
for name in string.gmatch('getrange setrange', '%S+') do check(name, KEYS[1], '0', '0') end""")
