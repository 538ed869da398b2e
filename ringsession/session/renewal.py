"""Work out the record for a session's new id from what one request did to the session."""

from __future__ import annotations

from .. import codec
from ..http.audit_log import audit
from ..stores import Change, StoreUnavailable
from .contents import EMPTY, renew, renew_moved
from .failure import say
from .phases import ABSENT, DESTROY, LIVE
from .state import DROPPED, State
from .user import changes_user


class RequestRenewal:
    """Work out the record under a new id from what this request did; see `stores.Renewal`."""

    def __init__(self, state: State, change: Change | None) -> None:
        self._state = state
        self.confirms = state.confirms
        self.handle: str | None = None  # of the login under which the session was stored
        self.remember = _is_remembered(state, change)

    def of_live(self, record: str) -> str | None:
        state = self._state
        given = None
        if state.is_exact and state.contents is not None:
            given = codec.decode(state.encode(state.contents.values))
        try:
            return renew(record, state.change(), given)
        except codec.CorruptRecord:  # a record that cannot be read does not make a login fail
            audit("cookie_unreadable", DROPPED, request=state.request, reason=DROPPED)
            if state.contents is not None:
                state.contents.record = None
            state.phase = ABSENT
            return self.alone()
        except codec.UnknownVersion as error:
            raise StoreUnavailable(say(error)) from error

    def of_moved(self, record: str) -> str | None:
        contents = self._state.contents
        if contents is None or contents.record is None:
            return self.alone()  # the session had moved before this request began
        change = self._state.change()
        renewed = renew_moved(contents.record, record, change)
        return renewed if renewed != EMPTY or change is not None else None

    def alone(self) -> str | None:
        state = self._state
        change = state.change()
        is_whole = state.contents is not None and state.contents.is_whole
        wanted = change is not None or (is_whole and state.phase is not LIVE)
        return renew(EMPTY, change, None) if wanted else None


def _is_remembered(state: State, change: Change | None) -> bool:
    """Return whether the session is remembered under its new id. Another user's is not."""
    if state.remember is not None or state.loaded is None or state.ending is DESTROY:
        return bool(state.remember)
    return state.loaded.remembered and not changes_user(state, change)
