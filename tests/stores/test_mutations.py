"""What keeps the promises in each store, taken out: the tests must notice."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORES = "ringsession/stores"

# The file, what stands there, what is put in its place (each in turn, where there are several), and the tests of that store.
MUTATIONS = [
    ("memory liveness", "memory.py", "entry.record is not None else None|entry is None or entry.record is None", "True else None|entry is None", "test_memory.py"),
    ("memory insert-only", "memory.py", "if self._find(key, now) is not None:", "if False:", "test_memory.py"),
    ("memory version", "memory.py", "if entry.version == version:", "if True:", "test_memory.py"),
    ("memory version in swap", "memory.py", "is entry and entry.version == version:", "is entry:", "test_memory.py"),
    ("sqlite liveness", "_sqlite_statements.py", "record IS NOT NULL AND", "", "test_sqlite.py"),
    ("sqlite insert-only", "_sqlite_statements.py", "WHERE expires <= ?", "WHERE 1 OR expires <= ?", "test_sqlite.py"),
    ("sqlite version", "_sqlite_statements.py", "AND version = ?", "AND (1 OR version = ?)", "test_sqlite.py"),
    ("redis liveness", "_redis_scripts.py", "if not h[1] then return 0 end\nif h[1] == ARGV[1] then", "if h[1] == ARGV[1] then", "test_contract.py -k valkey"),
    ("redis liveness in destroy", "_redis_scripts.py", "if redis.call('HEXISTS', KEYS[1], 'r') == 0 then return 0 end", "", "test_contract.py -k valkey"),
    ("redis insert-only", "_redis_scripts.py", "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end", "", "test_contract.py -k valkey"),
    ("redis version", "_redis_scripts.py", "if h[1] == ARGV[1] then", "if true then", "test_contract.py -k valkey"),
    ("redis version in swap", "_redis_scripts.py", "if h[1] ~= ARGV[1] then return -1 end", "", "test_contract.py -k valkey"),
    ("sql liveness", "_sql_statements.py", "& t.record.is_not(None)", "", "test_contract.py -k postgresql"),
    ("sql insert-only", "sql.py", "return again\n", "return True\n", "test_contract.py -k postgresql"),
    ("sql version", "_sql_statements.py", "self.replace = self.write.where(t.version == seen)", "self.replace = self.write", "test_contract.py -k mariadb"),
    ("sql version in claim", "_sql_statements.py", "self.end_seen = self.end.where(t.version == seen)", "self.end_seen = self.end", "test_orders.py test_contract.py -k mariadb"),
    ("hash", "server_side.py", "sha256(value.encode()).hexdigest() if", "value.encode().hex() if", "../test_promises.py"),
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
    command = [sys.executable, "-m", "pytest", "-x", "-q", *names]
    done = subprocess.run(
        command, cwd=tmp_path / "copy", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, f"no test noticed: {done.stdout[-1000:]}"
    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    print(f"without {name}: {failed.split(' - ')[0]}")
