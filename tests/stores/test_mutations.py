"""What keeps the promises in each store, taken out: the tests must notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORES = "ringsession/stores"

# The file, what stands there, what is put in its place (each in turn, where there are several), and
# the tests of that store.
MUTATIONS = [
    ("memory liveness", "memory.py", "entry is not None and entry.record is not None else None|entry is None or entry.record is None", "entry is not None else None|entry is None", "test_memory.py"),
    ("memory insert-only", "memory.py", "if self._find(key, now) is not None:", "if False:", "test_memory.py"),
    ("memory version", "memory.py", "if entry.version == version:", "if True:", "test_memory.py"),
    ("memory version in swap", "memory.py", "if entry is None or entry.version != version:", "if entry is None:", "test_memory.py"),
    ("memory version in claim", "memory.py", "if entry.version != version:", "if False:", "test_memory.py"),
    ("memory place of a tombstone", "memory.py", "self._live -= entry.record is not None", "pass", "test_memory.py"),
    ("sqlite liveness", "sqlite/statements.py", "key = ? AND record IS NOT NULL AND", "key = ? AND", "sqlite/test_store.py"),
    ("sqlite insert-only", "sqlite/statements.py", "WHERE expires <= ?", "WHERE 1 OR expires <= ?", "sqlite/test_store.py"),
    ("sqlite version", "sqlite/statements.py", "AND version = ?", "AND (1 OR version = ?)", "sqlite/test_store.py"),
    ("sqlite slow read", "sqlite/statements.py", "AND seen = ?", "AND (1 OR seen = ?)", "sqlite/test_table.py"),
    ("sqlite moved", "sqlite/statements.py", "AND successor = ?", "AND (1 OR successor = ?)", "sqlite/test_store.py"),
    ("sqlite fence", "sqlite/statements.py", "{_LIVE} AND owner = ? AND handle = ?", "coalesce(?, ?, ?, ?) IS NOT NULL", "sqlite/test_store.py"),
    ("sqlite second search", "sqlite/users.py", "if not keys and not after:|keys[-1] if len(keys) == _ENDED_AT_ONCE else b\"\"", "if not keys:|keys[-1]", "sqlite/test_users.py"),
    ("redis liveness in write", "redis/scripts.py", "if string.sub(h, 1, 2) == 'L ' then return 2 end", "return 2", "test_contract.py -k valkey"),
    ("redis liveness in merge", "redis/scripts.py", "if string.sub(h, 1, 2) ~= 'L ' then return 0 end\nlocal count", "local count", "test_contract.py -k valkey"),
    ("redis liveness in destroy", "redis/scripts.py", "if string.sub(h, 1, 2) ~= 'L ' then return 0 end\"\"\"", "\"\"\"", "test_contract.py -k valkey"),
    ("redis insert-only", "redis/scripts.py", "if redis.call('EXISTS', KEYS[1]) == 1 then", "if false then", "test_contract.py -k valkey"),
    ("redis version", "redis/scripts.py", "if found ~= ARGV[1] then", "if string.sub(h, 1, 2) ~= 'L ' then", "test_contract.py -k valkey"),
    ("redis version in claim", "redis/scripts.py", "if string.sub(h, 1, #ARGV[1]) ~= ARGV[1] then return 0 end", "if string.sub(h, 1, 2) ~= 'L ' then return 0 end", "test_contract.py -k valkey"),
    ("redis successor", "redis/scripts.py", "if string.match(h, '%S+$') == ARGV[2] then return 1 end", "return 1", "test_contract.py -k valkey"),
    ("redis random versions", "redis/layout.py", "secrets.token_hex(8).encode()", "b'0' * 16", "test_contract.py -k valkey"),
    ("redis time of a touch", "redis/scripts.py", "or string.sub(h, $TIMES) ~= ARGV[1]", "", "redis/test_layout.py -k valkey"),
    ("redis token", "redis/exchange.py", "if last != token:", "if type(last) is ErrorReply:", "redis/test_exchange.py -k token"),
    ("redis close", "redis/exchange.py", "            connection.close()\n            if not isinstance", "            self._put(connection)\n            if not isinstance", "redis/test_exchange.py -k interrupted"),
    ("redis fence", "redis/scripts_users.py", "not entry and ARGV[3] == '1'", "false", "redis/test_users.py test_contract.py -k valkey"),
    ("redis planted tombstone", "redis/scripts_users.py", "  redis.call('SET', KEYS[1], 'D - -', 'PX', $TOMBSTONE)\n", "", "redis/test_users.py -k planted"),
    ("redis longer index", "redis/scripts_users.py", " + $TOMBSTONE, ''", ", ''", "redis/test_users.py -k late"),
    ("redis second pass", "redis/scan.py", "and not is_fresh", "", "redis/test_users.py -k past_the_scan"),
    ("redis new connection", "redis/scan.py", " and all(node.opened == 1 for node in nodes)", "", "redis/test_users.py -k new_connection"),
    ("redis every slot", "redis/scan.py", "sum(map(_count_slots, slots)) == _SLOTS", "True", "redis/test_users.py -k each_slot"),
    ("redis look", "redis/exchange.py", "and connection.is_clean()", "", "redis/test_exchange.py -k closed"),
    ("sql liveness", "sql/statements.py", "is_live = t.record.is_not(None) & in_time", "is_live = in_time", "test_contract.py -k postgresql"),
    ("sql insert-only", "sql/create.py", '== [row["version"]]', '!= []', "test_contract.py -k postgresql"),
    ("sql version", "sql/statements.py", "self.replace = self.write.where(t.version == bindparam(\"at\"))", "self.replace = self.write", "test_contract.py -k mariadb"),
    ("sql version in claim", "sql/statements.py", "at_version = (t.version == at) & live", "at_version = live", "test_orders.py test_contract.py -k mariadb"),
    ("sql moved", "sql/statements.py", "& (t.successor == to)", "", "test_contract.py -k mariadb"),
    ("sql fence", "sql/inserts.py", "== bindparam(\"old\", type_=t.key.type), live, is_same)", "== bindparam(\"old\", type_=t.key.type))", "test_contract.py -k mariadb"),
    ("sql lock of the old row", "sql/inserts.py", ".with_for_update()", "", "sql/test_users.py -k committed"),
    ("sql second look", "sql/users.py", "if own in handles]", "if False]", "sql/test_users.py -k committed"),
    ("sql second search", "sql/users.py", "if not rows and not values[\"after\"]:|keys[-1] if len(keys) == FOUND_AT_ONCE else \"\"", "if not rows:|keys[-1]", "sql/test_users.py -k passed"),
    ("sql slow read", "sql/statements.py", 't.seen == bindparam("old_seen")', 't.seen >= bindparam("old_seen")', "sql/test_table.py"),
    ("hash", "server_side.py", 'sha256(f"{cookie_name}\\0{value}".encode()).hexdigest()|sha256(f"{self._cookie_name}\\0{value}".encode()).hexdigest()', "value.encode().hex()|value.encode().hex()", "../test_promises.py"),
    ("hash of the cookie's name", "server_side.py", 'f"{cookie_name}\\0{value}"|f"{self._cookie_name}\\0{value}"', "value|value", "../middleware/test_recreate.py"),
    ("recreate over a moved session", "server_side.py", "renewal.of_moved(moved)", "renewal.alone()", "../middleware/test_recreate.py"),
    ("recreate overtaken", "server_side.py", "before, after = record, self._renew(found, renewal)", "before = after = record", "../middleware/test_recreate.py"),
    ("logout follows", "server_side.py", "range(_MOST_MOVES + 1)", "range(1)", "../middleware/test_recreate.py"),
    ("eviction", "server_side.py", "if loaded.disposable and", "if False and", "../middleware/test_recreate.py"),
]  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize(
    "name, file, old, new, tests", MUTATIONS, ids=[row[0] for row in MUTATIONS]
)
def test_a_store_without_it_fails_its_tests(
    name: str, file: str, old: str, new: str, tests: str, tmp_path: Path
) -> None:
    ignore = shutil.ignore_patterns("__pycache__", ".*", "docs")
    shutil.copytree(ROOT, tmp_path / "copy", ignore=ignore)
    path = tmp_path / "copy" / STORES / file
    text = path.read_text("utf-8")
    for there, instead in zip(old.split("|"), new.split("|")):
        assert there in text
        text = text.replace(there, instead)
    path.write_text(text, "utf-8")
    names = [f"tests/stores/{part}" if part.endswith(".py") else part for part in tests.split(" ")]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", *names]
    done = subprocess.run(
        command, cwd=tmp_path / "copy", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, f"no test noticed: {done.stdout[-1000:]}"
    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    print(f"without {name}: {failed.split(' - ')[0]}")
