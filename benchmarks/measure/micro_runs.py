"""What `python -m benchmarks micro` runs under its counter: a process for N requests and one for
2N, of each kind.

    python -m benchmarks.measure.micro_runs N

They are forked one after the other from a process that has imported everything, and open a store of
their own. Prints their ids.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.commands.overhead import APPS, configs, make_environ, session_cookie
from ringsession import assoc_in, memory_store, site_defaults, sqlite_store, wrap_defaults

STORES = ("bare", "memory", "cookie", "sqlite", "site_defaults")
WORKS = ("untouched", "read", "write")
WARM = 100  # requests, after which the interpreter has specialized what it will


def _serve(store: str, work: str, requests: int) -> None:
    app, cookie = APPS[work], None
    if store != "bare":
        with tempfile.TemporaryDirectory() as folder:
            made = configs()
            made["sqlite"] = assoc_in(
                made["memory"], ["session", "store"], sqlite_store(Path(folder, "sessions.db"))
            )
            made["site_defaults"] = assoc_in(site_defaults, ["session", "store"], memory_store())
            cookie = session_cookie(wrap_defaults(APPS["new"], made[store]), make_environ(None))
            _ask(wrap_defaults(app, made[store]), make_environ(cookie), requests)
    else:
        _ask(app, make_environ("ring-session=" + "x" * 43), requests)


def _ask(app: Any, environ: dict[str, Any], requests: int) -> None:
    for _ in range(WARM + requests):
        for _ in app(dict(environ), lambda status, headers: None):
            pass


def _fork(store: str, work: str, requests: int) -> int:
    process = os.fork()
    if process == 0:
        status = 1
        try:
            _serve(store, work, requests)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    if status:
        sys.exit(f"{store}, {work}: expected status 0, got {os.waitstatus_to_exitcode(status)}")
    return process


if __name__ == "__main__":
    count = int(sys.argv[1])
    # A collection among all that was imported costs as much as fifty requests, and would fall to
    # one run and not to another.
    gc.collect()
    gc.freeze()
    processes = {
        store: {work: [_fork(store, work, count), _fork(store, work, 2 * count)] for work in WORKS}
        for store in STORES
    }
    print(json.dumps(processes))
