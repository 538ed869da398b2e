"""`flask.session`: the session as Flask's users know it, over the one of the layers.

Flask's own keys `_flashes` and `_permanent` are handled here, requests in `interface.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from flask.sessions import SessionMixin

from .. import codec
from ..codec.values import has_json_types
from ..middleware.flash import new_entry, pending
from ..session.mapping import Session, session_state
from ..session.phases import LIVE, NONE, UNTOUCHED
from ..session.committed import SessionCommitted
from ..session.state import State
from .events import is_event
from .messages import flash_pair, flash_value
from .outside import Opened
from .values import stored_value

FLASHES = "_flashes"  # what flask.flash appends to, and flask.get_flashed_messages takes
PERMANENT = "_permanent"
_QUOTED = f'"{PERMANENT}"'  # as it stands in a record
# Flask-Login asks for this key after each request, also one for a file, and takes it out of the
# session. So it is there only if the same request has used the session before.
_REMEMBER = "_remember"


def is_permanent(record: str) -> bool:
    """Return whether a record is that of a permanent session."""
    return _QUOTED in record and codec.value_text(record, PERMANENT) == "true"


def state_of(session: Session) -> State:
    state = session_state(session)
    assert state is not None
    return state


def _too_late(what: str) -> SessionCommitted:
    return SessionCommitted(
        f"flask.session{what}: the session cannot change any more: the response has already"
        " started. Change it before you return the response, not in a stream or a teardown"
        " function."
    )


class FlaskSession(SessionMixin):
    """The session of one request, as Flask's users know it.

    Changes are found by comparing, also inside a value, so you need not set `modified`. `clear()`
    ends the session; what you set after it starts another one, under a new id. `_flashes` holds the
    waiting messages as pairs of category and message. Each has its own entry, so concurrent
    requests lose none. Names with "_" are for the interface. Raises what `Session` raises.
    """

    _is_refused = False  # it holds what no store can
    _modified = False
    _accessed = False

    def __init__(self, opened: Opened, reopen: Callable[[], Opened] | None = None) -> None:
        self._opened = opened
        self._reopen = reopen  # for an event of Flask-SocketIO
        self._shown_late: list[str] = []  # messages, after the response had started

    @property
    def _current(self) -> Opened:
        if self._reopen is not None and is_event():
            self._opened, self._reopen = self._reopen(), None
        if self._opened.is_outside and is_event():
            state_of(self._opened.ring).is_mute = True
        return self._opened

    @property
    def _ring(self) -> Session:
        return self._current.ring

    @property
    def _state(self) -> State:
        return state_of(self._ring)

    def __getitem__(self, key: str) -> Any:
        if key == FLASHES and (waiting := self._waiting()):
            return [flash_pair(self._state.own_keys()[entry]) for entry in waiting]
        return self._ring[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._check(f'["{key}"]')
        if key == FLASHES:
            self._set_messages(value)
        else:
            self._ring[stored_value(key)] = value

    def __delitem__(self, key: str) -> None:
        if key == FLASHES and (waiting := self._waiting()):
            for entry in waiting:
                del self._state.own_keys()[entry]
            if self._state.has_started:
                self._shown_late += waiting
        else:
            self._check(f'["{key}"]')
            del self._ring[key]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._ring, FLASHES] if self._waiting() else list(self._ring))

    def __len__(self) -> int:
        return len(self._ring) + bool(self._waiting())

    def __contains__(self, key: object) -> bool:
        if key == _REMEMBER and self._state.phase is UNTOUCHED:
            return False
        return bool(self._waiting()) if key == FLASHES else key in self._ring

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self, **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self}

    def __ior__(self, other: Mapping[str, Any]) -> FlaskSession:
        self.update(other)  # without this, `|=` would change a copy
        return self

    def copy(self) -> dict[str, Any]:
        """The contents as a plain dict."""
        return dict(self)

    def __repr__(self) -> str:
        return f"<FlaskSession over {self._ring!r}>"

    def clear(self) -> None:
        """End the session when the response starts. Keys set after this call go to a new one."""
        self._check(".clear()")
        self._ring.destroy()

    def recreate(self, *, remember: bool | None = None) -> None:
        """Move the session to a new id. See `Session.recreate`."""
        self._check(".recreate()")
        self._ring.recreate(remember=remember)

    def confirm(self) -> None:
        """Note that the user has just confirmed who they are. See `Session.confirm`."""
        self._check(".confirm()")
        self._ring.confirm()

    @property
    def handle(self) -> str | None:
        """See `Session.handle`."""
        return self._ring.handle

    @property
    def began(self) -> datetime | None:
        """See `Session.began`."""
        return self._ring.began

    @property
    def confirmed(self) -> datetime | None:
        """See `Session.confirmed`."""
        return self._ring.confirmed

    def swap(self, key: str, change: Callable[[Any], Any]) -> Any:
        """Set a key at once and atomically to `change(old value)`. See `Session.swap`."""
        self._check(f'.swap("{key}")')
        return self._ring.swap(stored_value(key), lambda old: stored_value(change(old)))

    @property
    def new(self) -> bool:  # type: ignore[override]
        """Whether nothing is stored of it yet."""
        self._state.load()
        return self._state.phase is not LIVE

    @property
    def modified(self) -> bool:
        """Return whether there is something to store. Setting it changes nothing in the store."""
        state = self._state
        return self._modified or state.ending is not NONE or state.change() is not None

    @modified.setter
    def modified(self, value: bool) -> None:
        self._modified = bool(value)

    @property
    def accessed(self) -> bool:
        """Whether anybody has touched it."""
        return self._accessed or self._state.phase is not UNTOUCHED

    @accessed.setter
    def accessed(self, value: bool) -> None:
        self._accessed = value

    @property
    def _is_permanent(self) -> tuple[bool, bool]:
        """Whether it was permanent when it was loaded, and is now."""
        contents = self._state.load()
        now = bool(contents.values.get(PERMANENT))
        return is_permanent(contents.record or ""), now

    @property
    def _is_plain(self) -> bool:
        """Return whether all values have types of JSON, which every store can hold."""
        contents = self._state.load()
        return has_json_types(contents.values) and not contents.own_keys

    def _check(self, what: str) -> None:
        if self._state.has_started:
            raise _too_late(what)

    def _waiting(self) -> list[str]:
        return pending(self._state)

    def _set_messages(self, messages: Any) -> None:
        """Keep the waiting messages with which the list begins, as they are, and add the rest."""
        pairs = [(category, message) for category, message in messages]
        waiting = self._waiting()
        known = [flash_pair(self._state.own_keys()[entry]) for entry in waiting]
        if pairs[: len(known)] != known:
            for entry in waiting:
                del self._state.own_keys()[entry]
            known = []
        for place in range(len(known), len(pairs)):
            self._state.set_own_key(new_entry(place), flash_value(*pairs[place]))
