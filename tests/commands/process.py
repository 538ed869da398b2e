"""Run `python -m ringsession` as an operator does, on stores with known sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ringsession import codec, sqlite_store
from ringsession.stores import Details, Lifetime
from ringsession.stores.ids import hash_cookie_name, hash_owner
from tests.serving import ROOT

START = 1_700_000_000  # 2023-11-14T22:13:20Z
OLD, NEW = "0" * 31 + "1", "0" * 31 + "2"  # handles


class Done(NamedTuple):
    code: int
    out: str
    err: str


def environ(**more: str) -> dict[str, str]:
    """The environment for a process; TZ is two hours ahead of UTC."""
    clean = {name: value for name, value in os.environ.items() if name != "RINGSESSION_STORE"}
    return {**clean, "PYTHONPATH": str(ROOT), "TZ": "UTC-2", "COLUMNS": "100", **more}


def run(*words: str, module: str = "ringsession", cwd: Path = ROOT, **more: str) -> Done:
    """Run a module without a terminal. more: variables of the environment."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=cwd,
        env=environ(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def add(store: Any, number: int, user: str | None, cookie: str, **more: Any) -> None:
    """Create a session that ends in 2055, or never."""
    owner = None if user is None else hash_owner(user, cookie)
    handle = None if user is None else f"{number:032x}"
    details = Details(hash_cookie_name(cookie), owner=owner, handle=handle, began=START + number)
    values = {"user": user, **more}
    lifetime = Lifetime(10**9, None) if number == 1 else Lifetime(None, None)
    assert store.create(f"{number:064x}", codec.encode(values), lifetime, details)


def make_file(path: Path, cookie: str = "ring-session") -> str:
    """Make a file with two sessions of ann, one of bob and one of nobody. Return its URL."""
    store = sqlite_store(path, clock=lambda: START + 60)
    add(store, 1, "ann", cookie, agent="Firefox\x1b[31m", tags={"b", "a"})
    add(store, 2, "ann", cookie, agent="curl")
    add(store, 3, "bob", cookie)
    add(store, 4, None, cookie)
    store.close()
    return f"sqlite:///{path}"
