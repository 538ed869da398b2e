"""The session as handlers see it: a mapping that is loaded at its first touch, and what may be asked of it.

Owns the mapping. How it is loaded and compared is in `state.py`; what becomes of it, and when, is
`middleware/session.py`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from .. import codec
from .contents import EMPTY, RESERVED
from .state import SessionCommitted, SessionState, is_reserved
from ..request import Response
from ..stores import SessionGone, StoreUnavailable

__all__ = ["Recreated", "Session", "SessionCommitted", "recreate"]


class Recreated(dict[str, Any]):
    """A session's new contents, to be stored under a new id. See `recreate`."""


def recreate(session: Mapping[str, Any]) -> Recreated:
    """Mark a session in a response to be stored under a new id, with exactly these keys.

    Do this when somebody logs in: the old id is dead from that moment, and both deadlines start anew.
    Source: ring.middleware.session/wrap-session, `{:recreate true}`.

    >>> {"status": 303, "session": recreate({"user": "ann"})}["session"]
    {'user': 'ann'}
    """
    return Recreated(session)


_UNCHANGEABLE = frozenset((str, int, float, bool, type(None)))


def _check_key(key: object) -> None:
    if type(key) is not str:
        raise TypeError(f"session key: expected str, got {type(key).__name__}")
    if is_reserved(key):
        raise ValueError(f"session key: expected one that does not start with {RESERVED!r}")


class Session(SessionState, MutableMapping[str, Any]):
    """The session of one request: `request["session"]`, `environ["ringsession.session"]`.

    Reading or changing it loads it, once; a change, also one inside a value, is stored when the response begins.
    `session | {...}` and `{**session}` are plain dicts.
    Raises StoreUnavailable (the client gets a 503) where the store failed, SessionCommitted where it is too late for a
    change, TypeError for a key that is no str, ValueError for one that starts with "ringsession/".
    """

    def __getitem__(self, key: str) -> Any:
        value = self._open()[key]
        if type(value) not in _UNCHANGEABLE:
            self.hand_out()
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        _check_key(key)
        self._change()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._change()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open())

    def __len__(self) -> int:
        return len(self._open())

    def __contains__(self, key: object) -> bool:
        return key in self._open()

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.copy(), **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self.copy()}

    def __ior__(self, other: Mapping[str, Any]) -> Session:
        self.update(other)  # without this, `|=` would put a plain dict in the session's place
        return self

    def copy(self) -> dict[str, Any]:
        """The contents as a plain dict."""
        data = dict(self._open())
        self.hand_out()
        return data

    def __repr__(self) -> str:
        return f"<Session {'not read' if self._data is None else f'with {len(self._data)} keys'}>"

    @property
    def key(self) -> str | None:
        """The cookie's value, None while there is no stored session. A secret: never log it."""
        self._open()
        return self.value if self.is_live else None

    @property
    def expires_in(self) -> float | None:
        """Seconds until the session ends unless a request comes; None if it does not end, or is not stored yet."""
        self._open()
        return self.loaded.expires_in if self.loaded else None

    def recreate(self) -> None:
        """Move the session to a new id when the response begins, keeping what is stored then. See `recreate`."""
        self._check_open()
        self._find()
        self.ending = self.ending or "recreate"
        if self._reserved:
            self.hand_out()
            self._forget_secrets()

    def destroy(self) -> None:
        """End the session when the response begins; what is set after this call starts another one."""
        self._check_open()
        self._find()
        self.ending = "destroy"
        self._data, self._reserved, self._given = {}, {}, False

    def swap(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Set a key to `change(its value now, or None)` at once, atomically, and return what was set.

        For counters and lists that many requests change at the same time. `change` may be called more than once; what
        it sets stays even if the handler fails later. A session that is not stored yet is changed in the ordinary
        way. TypeError on the cookie store and on a three-function store.
        """
        _check_key(key)
        data = self._change()
        where = f'session["{key}"]'
        if self.ending is not None or not self.is_live:
            codec.encode_value(value := change(data.get(key)), where)
            data[key] = value
            return value

        def encoded(text: str | None) -> str:
            return codec.encode_value(
                change(None if text is None else codec.decode_value(text)), where
            )

        assert self.value is not None and self.loaded is not None
        try:
            text = self._sessions.swap(self.value, key, encoded)
        except SessionGone:
            self._lose()
            return self.swap(key, change)
        except StoreUnavailable:
            self.failed = True
            raise
        record = codec.merge(self.loaded.record or EMPTY, {key: text}, ())
        self.loaded = replace(self.loaded, record=record, version=None)
        self._picture = None
        data[key] = codec.decode_value(text)
        return codec.decode_value(text)

    def _lose(self) -> None:
        """Note that the session went while this request was running."""
        assert self.value is not None and self.loaded is not None
        self.is_live = False
        # A store may drop a disposable session to make room; then this request starts another one. Otherwise
        # the loaded record stays known, so that only this request's own changes count.
        if self.loaded.disposable and self._sessions.load(self.value) is None:
            self.loaded = None

    # -- for layers

    def take(self, response: Response) -> Response:
        """Do what a response says of the session: absent = keep, None = end, a mapping = the new contents."""
        if "session" not in response:
            return response
        response = dict(response)
        session = response.pop("session")
        if session is None or session is False:  # as in Ring
            self.destroy()
        elif not isinstance(session, Mapping):
            raise TypeError(
                f'response["session"]: expected a mapping or None, got {type(session).__name__}'
            )
        elif session is not self:
            self._replace(session)
        return response

    def _replace(self, session: Mapping[str, Any]) -> None:
        """What the mapping lacks goes; what this request never saw stays."""
        for key in session:
            _check_key(key)
        if self.ending != "destroy":
            self.load()
        if isinstance(session, Recreated):
            self._find()
            self.ending = self.ending or "recreate"
            self._exact = True
        self._given = self._changeable = True
        self._data = dict(session)

    def _open(self) -> dict[str, Any]:
        data = self.load()
        self.read = True
        return data

    def _change(self) -> dict[str, Any]:
        self._check_open()
        data = self._open()
        self._changeable = True
        return data
