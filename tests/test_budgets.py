"""How many Python functions a request may call: a slow-down shows here, in review, on any machine.

Owns the budgets and the counting. A path that became cheaper, or dearer for a good reason, is
recorded anew by

    python -m tests.test_budgets --record

which counts, and writes the block BUDGETS below. Comprehensions, calls of their own before Python
3.12, are not counted, so that a number is exact on every version; those for cookies are of
cryptography 43, where a cipher is one or two calls more than in later releases. What runs inside C
(a JSON text, a query) is one call or none.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.commands.overhead import APPS, make_environ, session_cookie
from ringsession import assoc_in, cookie_store, memory_store, site_defaults
from ringsession import sqlite_store, wrap_defaults

BUDGETS = {
    "memory": {"untouched": 45, "read": 81, "write": 103, "new": 144},
    "cookie": {"untouched": 45, "read": 84, "write": 118, "new": 137},
    "sqlite": {"untouched": 45, "read": 87, "write": 114, "new": 149},
    "site_defaults": {"untouched": 74},
}

COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>"}
App = Callable[..., Any]


def _request(app: App, environ: dict[str, Any]) -> None:
    for _ in app(environ, lambda status, headers, exc_info=None: None):
        pass


def count_calls(app: App, cookie: str | None) -> int:
    """The Python functions that one request calls, the app among them, once everything is warm."""
    calls = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_name not in COMPREHENSIONS

    counted = []
    for _ in range(5):  # the first may import or compile, and any may find something to sweep
        calls, environ, before = 0, make_environ(cookie), sys.getprofile()
        sys.setprofile(profile)
        try:
            _request(app, environ)
        finally:
            sys.setprofile(before)
        counted.append(calls)
    return min(counted)


@contextmanager
def _configs() -> Iterator[dict[str, Any]]:
    """Cookies, session and flash on three stores; the whole site on its own."""
    only = {"cookies": True, "session": site_defaults["session"]}
    path = ["session", "store"]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite_store(Path(folder, "sessions.db"))) as sqlite,
    ):
        yield {
            "memory": assoc_in(only, path, memory_store()),
            "cookie": assoc_in(only, path, cookie_store("budgets-key-of-32-characters!!!!")),
            "sqlite": assoc_in(only, path, sqlite),
            "site_defaults": assoc_in(site_defaults, path, memory_store()),
        }


def _count(config: dict[str, Any], work: str) -> int:
    cookie = session_cookie(wrap_defaults(APPS["new"], config), make_environ(None))
    return count_calls(wrap_defaults(APPS[work], config), None if work == "new" else cookie)


def _cells() -> list[tuple[str, str]]:
    works = ("untouched", "read", "write", "new")
    stores = [(store, work) for store in ("memory", "cookie", "sqlite") for work in works]
    return [*stores, ("site_defaults", "untouched")]


@pytest.fixture(scope="module")
def configs() -> Iterator[dict[str, Any]]:
    with _configs() as made:
        yield made


@pytest.mark.parametrize("store, work", _cells())
def test_a_request_calls_no_more_functions_than_its_budget(
    store: str, work: str, configs: dict[str, Any]
) -> None:
    assert _count(configs[store], work) <= BUDGETS[store][work]


def test_one_more_function_on_the_path_is_counted(configs: dict[str, Any]) -> None:
    app = wrap_defaults(APPS["untouched"], configs["memory"])

    def one_more(environ: dict[str, Any], start_response: App) -> Any:
        return app(environ, start_response)

    assert count_calls(one_more, None) == count_calls(app, None) + 1


def _as_source(counted: dict[str, dict[str, int]]) -> str:
    rows = [f'    "{store}": {works!r},\n'.replace("'", '"') for store, works in counted.items()]
    return f"BUDGETS = {{\n{''.join(rows)}}}\n"


def main(arguments: list[str]) -> None:
    """Print what is counted now; with `--record`, write it into this file."""
    counted: dict[str, dict[str, int]] = {}
    with _configs() as made:
        for store, work in _cells():
            counted.setdefault(store, {})[work] = _count(made[store], work)
    print(_as_source(counted), end="")
    if arguments == ["--record"]:
        this = Path(__file__)
        source = re.sub(
            r"^BUDGETS = \{.*?\}\n(?=\n)",
            lambda _: _as_source(counted),
            this.read_text(),
            flags=re.MULTILINE | re.DOTALL,
        )
        this.write_text(source)


if __name__ == "__main__":
    main(sys.argv[1:])
