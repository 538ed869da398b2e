"""Show typed handlers, a typed layer and a typed store, as a user's project may write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ringsession import (
    Config,
    Handler,
    Request,
    Response,
    RingStore,
    Session,
    Store,
    StoreUnavailable,
    UserSession,
    UserSessions,
    as_request,
    assoc_in,
    deep_merge,
    from_wsgi,
    json,
    memory_store,
    open_store,
    recreate,
    see_other,
    set_cookie,
    site_defaults,
    text,
    to_wsgi,
    user_sessions,
    wrap_defaults,
    wrap_hsts,
    wrap_session,
)
from ringsession.stores import NO_DETAILS, UNLIMITED, Change, Details, Lifetime, Loaded


def visits(request: Request) -> Response:
    session: Session = request["session"]
    count: int = session.get("visits", 0) + 1
    session["visits"] = count
    left: float | None = session.expires_in
    began: datetime | None = session.began
    answer: Response = text(f"{count} {left} {began}")
    return set_cookie(answer, "seen", "yes", max_age=60)


def login(request: Request) -> Response:
    name: str = request["form_params"]["name"]
    return see_other("/") | {"session": recreate({"user": name}, remember=True)}


def wrap_user(handler: Handler) -> Handler:
    def user(request: Request) -> Response:
        name: object = request["session"].get("user")
        try:
            return handler(as_request(request | {"shop.user": name}))
        except StoreUnavailable as error:
            return json({"error": str(error)})

    return user


class Sessions:
    """Ring's three functions over a dict."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def read_session(self, key: str) -> Mapping[str, Any] | None:
        return self._kept.get(key)

    def write_session(self, key: str | None, data: dict[str, Any]) -> str | None:
        self._kept[key or "new"] = data
        return key or "new"

    def delete_session(self, key: str) -> None:
        self._kept.pop(key, None)


class Counted:
    """A whole store, around another one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.loads = 0

    def load(self, key: str, limit: Lifetime = UNLIMITED) -> Loaded | None:
        self.loads += 1
        return self._store.load(key, limit)

    def create(
        self, key: str, record: str, lifetime: Lifetime, details: Details = NO_DETAILS
    ) -> bool:
        return self._store.create(key, record, lifetime, details)

    def patch(self, key: str, version: Any, change: Change) -> bool:
        return self._store.patch(key, version, change)

    def claim(self, key: str, version: Any, successor: str) -> bool:
        return self._store.claim(key, version, successor)

    def destroy(self, key: str) -> bool:
        return self._store.destroy(key)

    def swap(self, key: str, name: str, change: Callable[[str | None], str]) -> str | None:
        return self._store.swap(key, name, change)

    def sweep(self) -> int:
        return self._store.sweep()


own: RingStore = Sessions()
counted: Store = Counted(memory_store())
named: Store = open_store("sqlite:///sessions.db")
config: Config = deep_merge(
    assoc_in(site_defaults, ["session", "store"], own), {"session": {"timeout": 600}}
)
app = wrap_defaults(to_wsgi(wrap_user(visits)), config)
alone: Handler = wrap_hsts(wrap_session(login, store=counted, timeout=600))
inner: Handler = from_wsgi(app)
users: UserSessions = user_sessions(memory_store(), cookie_name="shop")
found: list[UserSession] = users.list("ann", show=("agent",))
ended: int = users.end_all("ann")
