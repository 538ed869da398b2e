"""Count the sessions of a store, remove expired ones, create its table, and check it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..explain import explain, find_weaknesses
from ..session.failure import say
from ..stores import StoreUnavailable
from ..stores.calling import ask, describe
from ..stores.findings import ERROR, OK, Finding, Reports
from ..stores.shown_url import show_store
from .answer import Answer, Place
from .form import name_form
from .logins import lay_out


def count_sessions(place: Place) -> Answer:
    """Count the live sessions of the store, of all cookies, with a scan that blocks no request."""
    number = ask(place.find_user_store().count_sessions)
    return Answer({"sessions": number}, f"{number} live {'session' if number == 1 else 'sessions'}")


def sweep(store: Any) -> Answer:
    """Remove expired sessions."""
    check = getattr(store, "check", None)
    if check is not None:
        check()  # Redis needs no sweep, so only this tells whether it answers
    if not hasattr(store, "sweep"):
        return Answer({"removed": 0}, "this store has no sweep of its own")
    removed = ask(store.sweep)
    return Answer({"removed": removed}, f"removed {removed} expired sessions")


def create_table(store: Any) -> Answer:
    """Create the store's table, or add the missing parts to an older one."""
    if not hasattr(store, "create_table"):
        text = "this store needs no create-table: it has no table, or creates it when it opens"
        return Answer(None, text)
    store.create_table()
    return Answer(None, "the table exists and has all columns")


def check(store: Any) -> Answer:
    """Examine a store. The exit code is 1 if it has an error."""
    found = [Finding(OK, "store", show_store(store)), *_examine(store)]
    code = 1 if any(each.level == ERROR for each in found) else 0
    return Answer([each._asdict() for each in found], lay_out(found), code)


def _examine(store: Any) -> Iterator[Finding]:
    if not isinstance(store, Reports):
        return
    try:
        yield from store.report()
    except (ValueError, StoreUnavailable) as error:
        yield Finding(ERROR, "server", say(error))
    except Exception as error:
        yield Finding(ERROR, "store", describe(error))


def explain_config(config: Mapping[str, Any], *, warn_only: bool) -> Answer:
    """Describe a config, and what runs it. Exit code 1 for weak points, unless `warn_only`."""
    code = 1 if find_weaknesses(config) and not warn_only else 0
    return Answer(None, f"{explain(config)}\n\n{name_form()}", code)
