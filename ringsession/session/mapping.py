"""The session as handlers see it: a mapping that is loaded at its first use.

What is loaded, and when it is stored, is the state's affair (`state.py`, `commit.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import datetime, timezone
from typing import Any

from .. import codec
from ..request import Request
from .committed import SessionCommitted
from .contents import RESERVED
from .phases import DESTROY, LIVE, NONE, RECREATE
from .state import State
from .swap import swap
from .user import note_user, set_remember

__all__ = ["Session", "SessionCommitted", "request_state", "session_state"]


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


_UNCHANGEABLE = frozenset((str, int, float, bool, type(None)))


def check_key(key: object) -> None:
    if type(key) is not str:
        raise TypeError(f"session key: expected str, got {type(key).__name__}")
    if key.startswith(RESERVED):
        raise ValueError(f"session key: expected one that does not start with {RESERVED!r}")


class Session(MutableMapping[str, Any]):
    """The session of one request: `request["session"]`, `environ["ringsession.session"]`.

    Use it like a dict. The first use loads it; changes, also those inside a value, are stored when
    the response starts. `session | {...}` and `{**session}` are plain dicts.
    Raises StoreUnavailable (the client gets a 503) if the store failed, SessionCommitted for a
    change after the response has started (reading works), TypeError for a key that is no str,
    ValueError for one that starts with "ringsession/".
    """

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def __getitem__(self, key: str) -> Any:
        contents = self._state.read()
        value = contents.values[key]
        if type(value) not in _UNCHANGEABLE:
            contents.expect_change()
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        check_key(key)
        state = self._state
        state.write().values[key] = value
        if key == state.terms.user_key:
            note_user(state)

    def __delitem__(self, key: str) -> None:
        state = self._state
        del state.write().values[key]
        if key == state.terms.user_key:
            note_user(state)

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.read().values)

    def __len__(self) -> int:
        return len(self._state.read().values)

    def __contains__(self, key: object) -> bool:
        return key in self._state.read().values

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.copy(), **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self.copy()}

    def __ior__(self, other: Mapping[str, Any]) -> Session:
        self.update(other)  # without this, `|=` would put a plain dict in the session's place
        return self

    def copy(self) -> dict[str, Any]:
        """Return the values as a plain dict."""
        contents = self._state.read()
        contents.expect_change()
        return dict(contents.values)

    def __repr__(self) -> str:
        contents = self._state.contents
        return (
            f"<Session {'not read' if contents is None else f'with {len(contents.values)} keys'}>"
        )

    @property
    def key(self) -> str | None:
        """The cookie's value, or None while nothing is stored. A secret: never log it."""
        self._state.read()
        return self._state.value if self._state.phase is LIVE else None

    @property
    def expires_in(self) -> float | None:
        """Seconds until the session ends unless a request comes.

        None if it does not end, and while nothing is stored.
        """
        self._state.read()
        return self._state.loaded.expires_in if self._state.loaded else None

    @property
    def handle(self) -> str | None:
        """The name of the user's login, which opens nothing: for lists, URLs and logs.

        Every new id keeps it. None while nothing is stored, and where nobody is signed in.
        """
        handle: str | None = self._fact("handle")
        return handle

    @property
    def began(self) -> datetime | None:
        """When the user signed in, or without a user when the session was first stored.

        By the store's clock, in UTC. Every new id keeps it. None while nothing is stored.
        """
        return _moment(self._fact("began"))

    @property
    def confirmed(self) -> datetime | None:
        """When `confirm` was last called in this login, by the store's clock, in UTC.

        None: never, and while nothing is stored.
        """
        return _moment(self._fact("confirmed"))

    def _fact(self, name: str) -> Any:
        self._state.read()
        return getattr(self._state.loaded, name) if self._state.phase is LIVE else None

    def recreate(self, *, remember: bool | None = None) -> None:
        """Move the session to a new id when the response starts. The stored data is kept.

        Call this when a user logs in, so that an id somebody else may know becomes useless. A CSRF
        token that you read after this call belongs to the new id.

        remember: None; True gives the session the times of `["session"]["remember"]` and a cookie
            that outlives the browser, False the usual ones. None leaves this as it is.
        Raises ValueError for True where the config has no such times.
        """
        set_remember(self._state, remember)
        self._state.end(RECREATE)

    def confirm(self) -> None:
        """Note that the user has just confirmed who they are, by a password or another proof.

        `confirmed` is then the time of this response, and the session gets a new id.
        """
        self._state.end(RECREATE)
        self._state.confirms = True

    def destroy(self) -> None:
        """End the session when the response starts.

        What you set after this call starts another one.
        """
        self._state.end(DESTROY)

    def swap(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Set a key to `change(its value now, or None)` at once, atomically, and return the new
        value.

        For counters and lists that many requests change at the same time. `change` may be called
        more than once; what it sets stays even if the handler fails later. A session that is not
        stored yet is changed in the ordinary way. TypeError on the cookie store and on a
        three-function store.
        """
        check_key(key)
        state = self._state
        if key == state.terms.user_key:
            raise ValueError(
                f'session.swap: expected another key than "{key}", which names the user. Set it by'
                f' session["{key}"] = ..., so that the session gets a new id'
            )
        values = state.write().values
        where = f'session["{key}"]'

        def encoded(text: str | None) -> str:
            return codec.encode_value(
                change(None if text is None else codec.decode_value(text)), where
            )

        if state.ending is NONE and state.phase is LIVE and not state.is_refused:
            text = swap(state, key, encoded)
            if text is not None:
                return codec.decode_value(text)
        codec.encode_value(value := change(values.get(key)), where)
        values[key] = value
        return value


def session_state(session: object) -> State | None:
    """Return the state behind `request["session"]`, or None for any other object.

    The one way in for layers: a handler has no use for it.

    >>> session_state({}) is None
    True
    """
    return session._state if type(session) is Session else None


def request_state(request: Request) -> State | None:
    """Return the state of a request's session, without loading it; None without a session layer."""
    session = dict.get(request, "session")
    return session._state if type(session) is Session else None
