"""A store that records its calls, and a client that sends one request after another."""

from __future__ import annotations

from typing import Any

from ringsession import memory_store, wrap_session
from ringsession.middleware.cookies import parse_cookies
from ringsession.middleware.flash import wrap_flash
from ringsession.stores import StoreUnavailable

# The body of a 503, for a client that asks for no form of its own.
UNAVAILABLE = "503 Service Unavailable: The site cannot answer right now. Try again soon."
CALLS = ("load", "create", "patch", "claim", "destroy", "swap")


class TracedStore:
    """A store around another: every call is logged by name, and fails while it is named in
    `failing`.
    """

    def __init__(self, store: Any) -> None:
        self.store = store
        self.calls: list[str] = []
        self.failing: set[str] = set()

    def _call(self, name: str, *arguments: Any) -> Any:
        self.calls.append(name)
        if name in self.failing:
            raise StoreUnavailable(name)
        return getattr(self.store, name)(*arguments)

    def load(self, *arguments: Any) -> Any:
        return self._call("load", *arguments)

    def create(self, *arguments: Any) -> Any:
        return self._call("create", *arguments)

    def patch(self, *arguments: Any) -> Any:
        return self._call("patch", *arguments)

    def claim(self, *arguments: Any) -> Any:
        return self._call("claim", *arguments)

    def destroy(self, key: str) -> Any:
        return self._call("destroy", key)

    def swap(self, *arguments: Any) -> Any:
        return self._call("swap", *arguments)

    def sweep(self) -> int:
        return 0

    def taken(self) -> list[str]:
        """The calls since the last look."""
        calls, self.calls = self.calls, []
        return calls


class Client:
    """A client with a cookie jar of one cookie, for handlers wrapped in the session and flash
    layers.
    """

    def __init__(self, store: Any = None, *, flash: bool = True, **options: Any) -> None:
        self.now = 0.0
        self.store = TracedStore(memory_store(clock=lambda: self.now)) if store is None else store
        self.cookie: str | None = None
        self.page: Any = None
        self.set_cookie: str | None = None
        self.set_cookies: list[str] = []
        inner = wrap_flash(self._handle) if flash else self._handle
        self.handler = wrap_session(inner, store=self.store, **options)

    def _handle(self, request: Any) -> Any:
        answer = self.page(request)
        response = {"status": 200, "headers": {}, "body": None}
        return response | answer if isinstance(answer, dict) else response

    def send(self, page: Any, cookie: str | None = None) -> Any:
        """Send a request whose handler is `page`, which may give parts of a response; the whole
        response.
        """
        before, self.page = self.page, page
        sent = self.cookie if cookie is None else cookie
        headers = {} if sent is None else {"cookie": f"ring-session={sent}"}
        try:
            response = self.handler({"request_method": "get", "uri": "/", "headers": headers})
        finally:
            self.page = before
        # Deletions of the cookie under other scopes come first.
        self.set_cookies = response["headers"].get("Set-Cookie", [])
        self.set_cookie = self.set_cookies[-1] if self.set_cookies else None
        if self.set_cookie is not None:
            self.cookie = parse_cookies(self.set_cookie)["ring-session"] or None
        return response

    def read(self, cookie: str | None = None) -> dict[str, Any]:
        """What a next request finds in the session."""
        found: dict[str, Any] = {}
        self.send(lambda request: found.update(request["session"]), cookie)
        return found
