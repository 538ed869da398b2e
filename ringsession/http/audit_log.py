"""Write one log record for each thing that happens to a session: what, whose, and who asked.

A record has a fixed message and the facts as attributes, so that a handler of `logging`, a JSON
formatter or structlog gets fields. It never has an id, a token, a cookie or a value.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from .log_text import escape

log = logging.getLogger("ringsession.audit")

FIELDS = ("event", "handle", "user", "method", "path", "address", "reason")


_REQUEST = ("method", "path", "address")
_SESSION = ("handle", "user", *_REQUEST)


class Event(NamedTuple):
    """One kind of record.

    fields: the attributes that a record may have beside `event`. The others are None in each.
    message: a template for what the module that writes it knows.
    """

    level: int
    fields: tuple[str, ...]
    message: str


EVENTS = {
    "session_created": Event(logging.INFO, _SESSION, "Created a session."),
    "session_recreated": Event(logging.INFO, _SESSION, "Moved a session to a new id."),
    "session_ended": Event(logging.INFO, (*_SESSION, "reason"), "Ended a session."),
    "session_end_all": Event(
        logging.INFO, ("reason",), "Ended the sessions of a user, or of everyone."
    ),
    "session_limit": Event(
        logging.INFO,
        ("handle", "reason"),
        "Ended the oldest login of a user, who had too many.",
    ),
    "session_lost_race": Event(
        logging.WARNING,
        (*_SESSION, "reason"),
        "Dropped a write to session %s: the session was ended while the request was running. %s",
    ),
    "csrf_refused": Event(
        logging.WARNING, (*_REQUEST, "reason"), "Refused a request, since %s. %s"
    ),
    "host_refused": Event(
        logging.WARNING,
        (*_REQUEST, "reason"),
        'Refused a request to a host that ["security"]["hosts"] does not list. %s. %s',
    ),
    "cookie_ambiguous": Event(
        logging.WARNING,
        (*_REQUEST, "reason"),
        "The request brought %d live sessions in cookies of the same name, so it has none of them."
        ' List the domains and paths that this app used before in ["session"]'
        '["former_cookie_attrs"], or give it a cookie_name of its own.',
    ),
    "cookie_unreadable": Event(logging.ERROR, (*_REQUEST, "reason"), "%s"),
    "store_unavailable": Event(
        logging.ERROR,
        (*_REQUEST, "reason"),
        "The session store failed%s: %s. store=%r %s seconds=%.3f",
    ),
}


def is_on(event: str) -> bool:
    """Return whether the record of an event would be written. Ask before you build its facts."""
    return log.isEnabledFor(EVENTS[event].level)


def find_fields(
    event: str,
    request: Mapping[str, Any] | None = None,
    *,
    handle: str | None = None,
    user: object = None,
    reason: str | None = None,
) -> dict[str, str | None]:
    r"""Return the attributes of a record: each of `FIELDS`, None where nothing is known.

    >>> found = find_fields("csrf_refused", {"request_method": "post", "uri": "/a\n"}, reason="x")
    >>> found["method"], found["path"], found["handle"]
    ('POST', '/a\\n', None)
    """
    method = path = address = None
    if request is not None:
        method = _show(request.get("request_method"), 20)
        path = _show(request.get("uri"))
        address = _show(request.get("remote_addr"), 50)
    method = None if method is None else method.upper()
    shown = None if user is None else escape(str(user))
    values = (event, handle, shown, method, path, address, reason)
    return dict(zip(FIELDS, values))


def _show(text: object, most: int = 200) -> str | None:
    return escape(text, most) if isinstance(text, str) and text else None


def audit(event: str, *args: Any, request: Mapping[str, Any] | None = None, **facts: Any) -> None:
    """Write the record of an event, if its level is on.

    args: for the event's message. facts: see `find_fields`.
    """
    level, _, message = EVENTS[event]
    if log.isEnabledFor(level):
        log.log(level, message, *args, extra=find_fields(event, request, **facts))
