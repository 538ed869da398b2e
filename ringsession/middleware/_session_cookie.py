"""The session's cookie: which Set-Cookie lines tell a browser what became of its session.

Decide only; `session.py` sends the lines. A browser replaces or deletes a cookie only under the
scope (domain, path, partition) with which it was set (RFC 6265bis section 5.7), so every scope that
this app uses or used must be known here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..session.outcome import Outcome
from ..session.contents import COOKIE_ATTRS
from ..session.phases import DESTROY, LIVE
from ..session.state import State
from .. import codec
from ..http.form_encoding import form_encode
from ._cookie_attrs import attributes, check_cookie
from .cookies import set_cookie_header

log = logging.getLogger("ringsession")

_DELETED = 0  # a Max-Age


WHEN = ("always", "moved", "changed")


class SessionCookie:
    """The session's cookie as it was configured: checked once, written often."""

    def __init__(
        self,
        name: str,
        attrs: Mapping[str, Any],
        rolling: bool,
        former: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        check_cookie(name, attrs)
        self.name = name
        self._attrs = attrs
        self._rolling = rolling
        self._tail = attributes(attrs)
        self._former = former
        self._usual_others = list(self._others(None, {}))

    def is_due(
        self, outcome: Outcome, own: Mapping[str, Any] | None = None, when: str = "always"
    ) -> bool:
        """Return whether the client must hear of an outcome.

        own: the response's `session_cookie_attrs`. when: its `session_cookie_when`.
        """
        if outcome.changed or outcome.ended:
            return True
        if outcome.value is None:
            return False
        if own is not None and when == "always":
            return True
        follows = self._rolling or outcome.max_age is not None
        return outcome.moved and (follows or (own is not None and when == "moved"))

    def lines(
        self,
        outcome: Outcome,
        own: Mapping[str, Any] | None = None,
        kept: Mapping[str, Any] | None = None,
        *,
        was_sent: bool = False,
    ) -> list[str]:
        """The Set-Cookie lines that tell the client of an outcome; pure.

        own: the response's `session_cookie_attrs`, which go over `kept`, those that an earlier
        response of the session gave; both go over the configured ones.
        was_sent: whether the request brought any value of the cookie. Then what stands under the
        app's other scopes is deleted with a new value and with a deletion.
        """
        kept = self._usable(kept) if kept else {}
        attrs = {**self._attrs, **kept, **without_value(own or {})} if own or kept else None
        if outcome.max_age is not None:
            attrs = _remembered(attrs or self._attrs, outcome.max_age)
        others: Iterable[str] = ()
        if was_sent and (outcome.changed or outcome.ended):
            others = self._usual_others if attrs is None else self._others(attrs, kept)
        if outcome.value is None:
            return [*others, self._deletion(attrs or self._attrs)]
        return [*others, self._line(outcome.value, attrs)]

    def check_own(self, response: Mapping[str, Any]) -> None:
        """Raise ValueError for attributes that cannot be written, before anything is stored."""
        own, when = response["session_cookie_attrs"], response.get("session_cookie_when", "always")
        if when not in WHEN:
            raise ValueError(
                'response["session_cookie_when"]: expected "always", "moved" or "changed",'
                f" got {when!r:.60}"
            )
        if own is not None:
            self._line("", {**self._attrs, **without_value(own)})

    def to_keep(self, own: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes to keep with the session after a response gave its own."""
        given = {**kept, **without_value(own)}
        given.pop("expires", None)  # a moment, and not for the cookies that come after it
        return {key: value for key, value in given.items() if _differs(value, self._attrs.get(key))}

    def _usable(self, kept: Mapping[str, Any]) -> Mapping[str, Any]:
        """The kept attributes, or none where they cannot be written any more."""
        try:
            check_cookie(self.name, {**self._attrs, **kept})
        except ValueError as error:
            log.warning("Dropped the cookie attributes that a session kept: %s", error)
            return {}
        return kept

    def _line(self, value: str, attrs: Mapping[str, Any] | None) -> str:
        if attrs is None:
            return f"{self.name}={form_encode(value)}{self._tail}"
        return set_cookie_header(self.name, value, attrs)

    def _deletion(self, attrs: Mapping[str, Any]) -> str:
        kept = {key: value for key, value in attrs.items() if key != "expires"}
        return f"{self.name}={attributes({**kept, 'max_age': _DELETED})}"

    def _others(self, attrs: Mapping[str, Any] | None, kept: Mapping[str, Any]) -> Iterable[str]:
        """The deletions of the cookie under every other scope that this app uses or used."""
        own = _scope(attrs or self._attrs)
        others = [{**self._attrs, "domain": None, **scope} for scope in self._former]
        if own.domain:
            others.append({**self._attrs, "domain": None, "path": own.path})
        # A response chose the scope, so the cookie may stand under another one.
        if attrs is not None:
            others += [dict(self._attrs), {**self._attrs, **kept}]
        found = {_scope(other): other for other in others}
        return [self._deletion(other) for scope, other in found.items() if scope != own]


def kept_attrs(state: State) -> dict[str, Any]:
    """Return the cookie attributes that an earlier response gave and that the session keeps."""
    kept = state.contents.own_keys.get(COOKIE_ATTRS) if state.contents is not None else None
    record = state.loaded.record if state.loaded is not None else None
    if kept is None and record is not None and COOKIE_ATTRS in record:
        try:
            kept = codec.decode(record).get(COOKIE_ATTRS)
        except ValueError:  # such a session can still be ended
            return {}
    return kept if type(kept) is dict else {}


def keep_attrs(state: State, attrs: dict[str, Any]) -> None:
    """Keep these cookie attributes with the session, if there is one or will be one."""
    will_live = state.change() is not None or (state.phase is LIVE and state.ending is not DESTROY)
    if will_live and attrs != kept_attrs(state):
        state.own_keys()[COOKIE_ATTRS] = attrs


def without_value(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: attrs[key] for key in attrs if key != "value"}


def _remembered(attrs: Mapping[str, Any], max_age: float) -> dict[str, Any]:
    """Return the attributes of a cookie that lives as long as its session, and no longer."""
    return {**attrs, "max_age": max(1, int(max_age)), "expires": None}


def _differs(value: Any, configured: Any) -> bool:
    return (value or None) != (configured or None)


class _Scope(NamedTuple):
    """What makes a cookie another one to a browser, besides its name."""

    domain: str
    path: str | None
    partitioned: bool


def _scope(attrs: Mapping[str, Any]) -> _Scope:
    domain = str(attrs.get("domain") or "").lstrip(".").lower()
    return _Scope(domain, attrs.get("path"), bool(attrs.get("partitioned")))
