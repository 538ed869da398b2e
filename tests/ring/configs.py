"""The configs that the vectors name, with Ring's own values where our defaults differ by decision."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from ringsession import (
    api_defaults,
    assoc_in,
    cookie_store,
    deep_merge,
    from_wsgi,
    memory_store,
    secure_api_defaults,
    secure_site_defaults,
    site_defaults,
    to_wsgi,
    wrap_cookies,
    wrap_defaults,
    wrap_flash,
    wrap_head,
    wrap_session,
)
from ringsession._difference import FLASH
from ringsession.stores import Lifetime
from ringsession.stores.cookie import SealedSessions

KEY = "BuD3KgdAXhDHrJXu"
Handler = Callable[[Any], Any]
# Ring's session has no timeout and its cookie no SameSite.
RING: dict[str, Any] = {"timeout": None, "cookie_attrs": {"same_site": None}}
_SITE = deep_merge(site_defaults, {"session": RING})
_SECURE = deep_merge(secure_site_defaults, {"session": {**RING, "absolute_timeout": None}})


class Clock:
    """The frozen clock of the timeouts."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def _defaults(config: dict[str, Any]) -> Callable[[Handler], Handler]:
    # from_wsgi gives back the layered handler itself, so requests and responses stay dicts.
    return lambda handler: from_wsgi(wrap_defaults(to_wsgi(handler), config))


def _stored(store: Any, config: dict[str, Any] = _SITE) -> dict[str, Any]:
    return assoc_in(config, ["session", "store"], store)


class OddStore:
    """Ring's three functions from three functions, with a log of its calls as Ring prints them."""

    def __init__(self, read: Any, write: Any, delete: Any) -> None:
        self._read, self._write, self._delete = read, write, delete
        self.log: list[str] = []

    def read_session(self, key: str) -> Any:
        self.log.append(f"read {_quoted(key)}")
        return self._read(key)

    def write_session(self, key: str | None, data: dict[str, Any]) -> Any:
        self.log.append(f"write {'nil' if key is None else _quoted(key)} {_edn(data)}")
        return self._write(key, data)

    def delete_session(self, key: str) -> Any:
        self.log.append(f"delete {_quoted(key)}")
        return self._delete(key)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _edn(data: dict[str, Any]) -> str:
    """A session as Clojure prints it; the message of the flash has Ring's name there."""
    pairs = (
        (":_flash" if key.startswith(FLASH) else json.dumps(key), json.dumps(item))
        for key, item in sorted(data.items())
    )
    return "{" + ", ".join(f"{key} {item}" for key, item in pairs) + "}"


def _traced(store: OddStore) -> Callable[[Handler], Handler]:
    def wrap(handler: Handler) -> Handler:
        inner = _defaults(_stored(store))(handler)

        def traced(request: Any) -> Any:
            store.log.clear()
            response = inner(request)
            headers = {**response["headers"], "X-Store-Log": "; ".join(store.log)}
            return {**response, "headers": headers}

        return traced

    return wrap


def _dict_store(new_key: Callable[[str | None], str]) -> OddStore:
    sessions: dict[str, Any] = {}

    def write(key: str | None, data: Any) -> str:
        key = new_key(key)
        sessions[key] = data
        return key

    return OddStore(sessions.get, write, lambda key: sessions.pop(key, None))


def _sealed_store() -> OddStore:
    """The cookie store's sealing behind Ring's three functions, to trace what it is asked."""
    sealed = SealedSessions(cookie_store(KEY), "ring-session", Lifetime(None, None))

    def read(key: str) -> Any:
        loaded = sealed.load(key)
        return None if loaded is None or loaded.record is None else json.loads(loaded.record[1:])

    return OddStore(read, lambda key, data: sealed.create("1" + json.dumps(data)), lambda key: None)


def _throw(*arguments: Any) -> Any:
    raise RuntimeError("the store failed")


def _new_keys() -> OddStore:
    count = itertools.count(1)
    return _dict_store(lambda key: f"key{next(count)}")


def _sids() -> Callable[[str | None], str]:
    count = itertools.count(1)
    return lambda key: key or f"sid{next(count)}"


def configs(clock: Clock) -> dict[str, Callable[[], Callable[[Handler], Handler]]]:
    """Name -> what makes a fresh middleware."""
    session = {"timeout": None, "cookie_attrs": {"same_site": None}}

    def memory() -> Any:
        return memory_store(clock=clock)

    def sealed() -> Any:
        return cookie_store(KEY, clock=clock)

    def site(**options: Any) -> Callable[[], Any]:
        return lambda: _defaults(
            deep_merge(_stored(memory()), {"session": options} if options else {})
        )

    def flagged(path: list[str], value: Any) -> Callable[[], Any]:
        return lambda: _defaults(assoc_in(_stored(memory()), path, value))

    return {
        "bare": lambda: lambda handler: handler,
        "cookies": lambda: wrap_cookies,
        # Ring's wrap-session has the cookies in it.
        "session": lambda: lambda h: wrap_cookies(wrap_session(h, store=memory(), **session)),
        "session-cookie-store": lambda: lambda h: wrap_cookies(
            wrap_session(wrap_flash(h), store=sealed(), **session)
        ),
        "head": lambda: wrap_head,
        "api": lambda: _defaults(api_defaults),
        "secure-api": lambda: _defaults(secure_api_defaults),
        "site": site(),
        "site-nocsrf": lambda: _defaults(_stored(sealed())),
        "site-memory": site(),
        "site-memory-nocsrf": site(),
        "secure-site": lambda: _defaults(_stored(sealed(), _SECURE)),
        "secure-site-nocsrf": lambda: _defaults(_stored(memory(), _SECURE)),
        "proxy": site(),
        "cookie-store": lambda: _defaults(_stored(sealed())),
        "store-trace": lambda: _traced(_dict_store(_sids())),
        "store-trace-cookie": lambda: _traced(_sealed_store()),
        "store-new-keys": lambda: _traced(_new_keys()),
        "store-nil": lambda: _traced(
            OddStore(lambda key: {"from": key}, lambda key, data: None, lambda key: None)
        ),
        "store-read-false": lambda: _traced(
            OddStore(lambda key: False, lambda key, data: key or "new", lambda key: None)
        ),
        "store-throws": lambda: _traced(OddStore(_throw, _throw, _throw)),
        "store-odd-key": lambda: _traced(_dict_store(lambda key: key or 'k e;y,ü"=+%')),
        "cookie-attrs-max-age": site(cookie_attrs={"max_age": 10}),
        "cookie-attrs-not-http-only": site(cookie_attrs={"http_only": False}),
        "root-app": site(root="/app"),
        "root-app-and-path": site(root="/app", cookie_attrs={"path": "/other"}),
        "no-session": flagged(["session"], False),
        "no-cookies": flagged(["cookies"], False),
        "no-flash": flagged(["session", "flash"], False),
        "idle-timeout": site(timeout=60),
        "absolute-timeout": site(absolute_timeout=60),
        "idle-timeout-cookie-store": lambda: _defaults(
            deep_merge(_stored(sealed()), {"session": {"timeout": 60}})
        ),
    }
