"""Use a store with the timeouts and the keys that app.config has at each use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..stores import Change, CopiesAsItself, Lifetime, Loaded, Renewal
from ..stores.backend import Backend
from ..request import Request
from ..stores.cookie.seal import Opened
from ..stores.deadlines import Limit
from ..stores.logins import Logins, UserTerms
from ..stores.opening import open_sessions
from ..stores.shown_url import show_store
from .live_config import Fixed, LiveConfig
from .moving_store import NEVER


class LiveSessions:
    """See `stores.backend.Backend`."""

    def __init__(
        self,
        open_now: Callable[[Lifetime], Backend],
        remembered: Lifetime,
        store: Any,
        live: LiveConfig,
        fixed: Fixed,
    ) -> None:
        self._open_now = open_now
        self._remembered = remembered
        self._store = store
        self._live = live
        self._fixed = fixed
        self._opened = self._open(live.find_lifetime())

    def __repr__(self) -> str:
        return show_store(self._store)

    @property
    def check_size(self) -> Callable[[str], object] | None:
        return self._opened[1].check_size

    @property
    def find_former(self) -> Callable[[Request], list[str]] | None:
        return self._opened[1].find_former

    @property
    def logins(self) -> Logins | None:
        return self._opened[1].logins

    def _open(self, lifetime: Lifetime) -> tuple[Lifetime, Backend]:
        limit = Limit(*lifetime, remembered=self._remembered)
        return lifetime, self._open_now(limit)

    def _find(self) -> Backend:
        """Return the backend for the timeouts of now."""
        if self._live.is_sealed_by_app:
            self._live.check_keys(self._fixed)
        lifetime = self._live.find_lifetime()
        opened = self._opened
        if opened[0] != lifetime:
            opened = self._opened = self._open(lifetime)
        return opened[1]

    def load(self, value: str) -> Loaded | None:
        loaded = self._find().load(value)
        if loaded is not None and loaded.due and isinstance(loaded.version, Opened):
            # To extend the idle timeout inside a sealed cookie is to send the cookie again. A
            # cookie that Flask signed is replaced in any case, and that of a session that is
            # remembered follows its deadline.
            is_sent = loaded.version.sealed == NEVER or loaded.remembered
            loaded.due = self._live.is_refreshing or is_sent
        return loaded

    def load_passive(self, value: str) -> Loaded | None:
        return self._find().load_passive(value)

    def lasts(self, loaded: Loaded | None) -> float | None:
        return self._find().lasts(loaded)

    def load_late(self, value: str, follows: Callable[[str], bool]) -> Loaded | None:
        return self._find().load_late(value, follows)

    def keeps_value(self, value: str) -> bool:
        return self._find().keeps_value(value)

    def merges(self, value: str) -> bool:
        return self._find().merges(value)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        return self._find().choose(live)

    def create(
        self, record: str, *, disposable: bool = False, renewal: Renewal | None = None
    ) -> str | None:
        return self._find().create(record, disposable=disposable, renewal=renewal)

    def patch(self, value: str, loaded: Loaded, change: Change) -> str | None:
        return self._find().patch(value, loaded, change)

    def touch(self, value: str, loaded: Loaded) -> str | None:
        return self._find().touch(value, loaded)

    def recreate(self, value: str, loaded: Loaded | None, renewal: Renewal) -> str | None:
        return self._find().recreate(value, loaded, renewal)

    def destroy(self, value: str) -> bool:
        return self._find().destroy(value)

    def swap(self, value: str, name: str, change: Callable[[str | None], str]) -> str:
        return self._find().swap(value, name, change)


class LiveStore(CopiesAsItself):
    """Wrap a store so that its sessions follow app.config."""

    def __init__(self, store: Any, live: LiveConfig, fixed: Fixed) -> None:
        self._store = store
        self._live = live
        self._fixed = fixed
        self.single_process = getattr(store, "single_process", False)

    def __repr__(self) -> str:
        return show_store(self._store)

    def open_sessions(
        self, cookie_name: str, lifetime: Lifetime, users: UserTerms | None = None
    ) -> Backend:
        """See `stores.opening.OpensBackend`. The lifetime is that of app.config."""
        open_now = partial(open_sessions, self._store, cookie_name, users=users)
        return LiveSessions(open_now, lifetime.remembered, self._store, self._live, self._fixed)
