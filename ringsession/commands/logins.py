"""List and end the sessions of users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ..http.log_text import escape
from ..users import UserSession
from .answer import Answer, Place
from .plain import make_plain

_LONGEST = 60  # characters of a value in the table


def list_sessions(place: Place, user: str, show: Sequence[str] = ()) -> Answer:
    """Return the live sessions of a user, the newest login first.

    show: (); the session keys to show besides.
    """
    found = place.find_users().list(user, show=show)
    data = [_describe(each, bool(show)) for each in found]
    if not found:
        return Answer(data, "no live session")
    head = ["HANDLE", "BEGAN", "SEEN", "IDLE END", "END", *(escape(key) for key in show)]
    return Answer(data, lay_out([head, *(_cells(each, show) for each in found)]))


def end_session(place: Place, user: str, handle: str) -> Answer:
    """End one session of a user. The exit code is 1 if it was not live."""
    is_ended = place.find_users().end(user, handle)
    return _count_ended(int(is_ended))._replace(code=0 if is_ended else 1)


def end_user(place: Place, user: str) -> Answer:
    """End all sessions of a user."""
    return _count_ended(place.find_users().end_all(user))


def end_everyone(place: Place) -> Answer:
    """End all sessions of the app, also those without a user."""
    return _count_ended(place.find_users().end_everyone())


def _count_ended(number: int) -> Answer:
    return Answer({"ended": number}, f"ended {number} {'session' if number == 1 else 'sessions'}")


def _describe(session: UserSession, has_data: bool) -> dict[str, Any]:
    times = {name: getattr(session, name) for name in ("began", "seen", "idle_ends", "ends")}
    shown = {name: None if time is None else _utc(time) for name, time in times.items()}
    data = {"data": make_plain(session.data)} if has_data else {}
    return {"handle": session.handle, **shown, **data}


def _utc(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="seconds")


def _cells(session: UserSession, show: Sequence[str]) -> list[str]:
    times = (session.began, session.seen, session.idle_ends, session.ends)
    values = (_show(session.data[key]) if key in session.data else "" for key in show)
    return [session.handle, *map(_local, times), *values]


def _local(time: datetime | None) -> str:
    return "never" if time is None else time.astimezone().isoformat(timespec="seconds")


def _show(value: Any) -> str:
    """Return a value of a session as one line. A client may have sent it, such as its name."""
    return escape(value if isinstance(value, str) else repr(value), _LONGEST)


def lay_out(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with aligned columns.

    >>> print(lay_out([["a", "b"], ["long", "c"]]))
    a     b
    long  c
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
