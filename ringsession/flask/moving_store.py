"""Move the sessions that Flask signed into an app's store, each at its first use.

One old cookie makes one session. A marker stays in the store until Flask itself would refuse the
cookie. Where the marker is and its session is not, the session has ended, and the cookie opens
nothing; see `moved_sessions.py`. A sealed cookie has no such place: there a copy of the old cookie
opens until it expires.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from ..stores import CopiesAsItself, Lifetime, Loaded
from ..stores.backend import Backend
from ..stores.cookie.seal import Opened
from ..stores.cookie.sessions import SealedSessions
from ..stores.cookie.store import CookieStore
from ..stores.logins import UserTerms
from ..stores.shown_url import show_store
from .moved_sessions import MovedSessions
from .signed_cookies import FlaskCookies

NEVER = 0  # when the session of a cookie that Flask signed was sealed


class SealedMovedSessions(SealedSessions):
    """Seal the session of a cookie that Flask signed into a cookie of ringsession.

    See `stores.backend.Backend`. All sealed cookies that one old cookie leads to are one session.
    """

    def __init__(
        self, store: CookieStore, cookie_name: str, lifetime: Lifetime, cookies: FlaskCookies
    ) -> None:
        super().__init__(store, cookie_name, lifetime)
        self._cookies = cookies
        self.find_former = cookies.find

    def load(self, value: str) -> Loaded | None:
        signed = self._cookies.read(value)
        if signed is None:
            return super().load(value)
        sid, now = sha256(signed.id.encode()).digest()[:16], self._now()
        payload = signed.record[1:].encode()
        opened = Opened(False, sid, now, 0, 0, NEVER, now, *self._granted[False], payload)
        return Loaded(signed.record, opened, signed.expires_in, due=True)

    def choose(self, live: list[tuple[str, Loaded]]) -> tuple[str, Loaded] | None:
        ours = [pair for pair in live if self._cookies.read(pair[0]) is None]
        return super().choose(ours or live)


class MovingStore(CopiesAsItself):
    """Wrap a store so that it also reads the cookies that Flask signed."""

    def __init__(self, store: Any, cookies: FlaskCookies) -> None:
        self.store = store
        self._cookies = cookies
        self.single_process = getattr(store, "single_process", False)

    def __repr__(self) -> str:
        return show_store(self.store)

    def check(self) -> None:
        """Check the wrapped store, if it can check itself when the app starts."""
        check = getattr(self.store, "check", None)
        if check is not None:
            check()

    def open_sessions(
        self, cookie_name: str, lifetime: Lifetime, users: UserTerms | None = None
    ) -> Backend:
        """See `stores.opening.OpensBackend`. Raises TypeError for an app with a `user_key`."""
        if users is not None:
            raise TypeError(
                "expected no user_key beside accept_flask_cookies_until, since a cookie that Flask"
                " signed survives end_all until it is converted"
            )
        if isinstance(self.store, CookieStore):
            return SealedMovedSessions(self.store, cookie_name, lifetime, self._cookies)
        return MovedSessions(self.store, cookie_name, lifetime, self._cookies)
