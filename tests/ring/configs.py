"""The configs that the vectors name, with Ring's own values where ours differ on purpose."""

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
    wrap_content_length,
    wrap_content_type,
    wrap_cookies,
    wrap_default_charset,
    wrap_defaults,
    wrap_flash,
    wrap_head,
    wrap_multipart_params,
    wrap_nested_params,
    wrap_not_modified,
    wrap_params,
    wrap_session,
)
from ringsession.session.contents import FLASH
from ringsession.stores import Lifetime
from ringsession.stores.cookie.sessions import SealedSessions
from tests.ring.fixtures import FIXTURES

KEY = "BuD3KgdAXhDHrJXu"
Handler = Callable[[Any], Any]
# Ring's session has no timeout and its cookie no SameSite; its CSRF layer knows the token only, and
# files come from "public".
RING: dict[str, Any] = {
    "session": {"timeout": None, "absolute_timeout": None, "cookie_attrs": {"same_site": None}},
    "security": {"anti_forgery": {"mode": "token"}},
    "static": {"resources": "ring_fixtures:public"},
}
# Ring's secure site has another name for its cookie, and no Referrer-Policy.
RING_SECURE: dict[str, Any] = deep_merge(
    RING,
    {"session": {"cookie_name": "secure-ring-session"}, "security": {"referrer_policy": False}},
)
_NO_CSRF = {"security": {"anti_forgery": False}}
_SITE_CSRF = deep_merge(site_defaults, RING)
_SITE = deep_merge(_SITE_CSRF, _NO_CSRF)
_SECURE_CSRF = deep_merge(secure_site_defaults, RING_SECURE)
_SECURE = deep_merge(_SECURE_CSRF, _NO_CSRF)


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
    """Return the cookie store as a store of three functions, so that its calls can be traced."""
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
    files = str(FIXTURES / "files")

    def memory() -> Any:
        return memory_store(clock=clock)

    def sealed() -> Any:
        return cookie_store(KEY, clock=clock)

    def site(**options: Any) -> Callable[[], Any]:
        return lambda: _defaults(
            deep_merge(_stored(memory()), {"session": options} if options else {})
        )

    def flagged(path: list[str], value: Any, config: Any = _SITE) -> Callable[[], Any]:
        return lambda: _defaults(assoc_in(_stored(memory(), config), path, value))

    def secured(**security: Any) -> Callable[[], Any]:
        return lambda: _defaults(deep_merge(_stored(memory()), {"security": security}))

    def all_params(handler: Handler) -> Handler:
        return wrap_params(wrap_multipart_params(wrap_nested_params(handler)))

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
        "site": lambda: _defaults(_stored(sealed(), _SITE_CSRF)),
        "site-nocsrf": lambda: _defaults(_stored(sealed())),
        "site-memory": lambda: _defaults(_stored(memory(), _SITE_CSRF)),
        "site-memory-nocsrf": site(),
        "secure-site": lambda: _defaults(_stored(sealed(), _SECURE_CSRF)),
        "secure-site-nocsrf": lambda: _defaults(_stored(memory(), _SECURE)),
        "secure-site-proxy": flagged(["proxy"], True, _SECURE),
        "proxy": flagged(["proxy"], True),
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
        "absolute-redirects": flagged(["responses", "absolute_redirects"], True),
        "absolute-redirects-proxy": lambda: _defaults(
            deep_merge(
                _stored(memory()), {"proxy": True, "responses": {"absolute_redirects": True}}
            )
        ),
        "x-headers-other": secured(
            xss_protection={"enable": True, "mode": "block"},
            frame_options="deny",
            content_type_options=False,
        ),
        "x-headers-allow-from": secured(frame_options={"allow_from": "http://example.com/"}),
        "(assoc-in d/site-defaults [:security :xss-protection] true)": secured(xss_protection=True),
        "(assoc-in d/site-defaults [:security :xss-protection] {:enable? true})": secured(
            xss_protection={"enable": True}
        ),
        (
            "(assoc-in d/site-defaults [:security :xss-protection]"
            " {:enable? false :mode :block})"
        ): secured(xss_protection={"enable": False, "mode": "block"}),
        "hsts-custom": secured(hsts={"max_age": 60, "include_subdomains": False}),
        "ssl-port": secured(ssl_redirect={"ssl_port": 8443}),
        "static-files": flagged(["static"], {"files": files}),
        "static-files-symlinks": flagged(
            ["static"], {"files": {"root": files, "allow_symlinks": True, "index_files": False}}
        ),
        "static-prefer-handler": flagged(
            ["static", "resources"], {"root": "ring_fixtures:public", "prefer_handler": True}
        ),
        '(assoc-in d/site-defaults [:static :files] "/nonexistent")': flagged(
            ["static"], {"files": "/nonexistent"}
        ),
        "csrf-custom": flagged(
            ["security", "anti_forgery"],
            {
                "mode": "token",
                "error_response": {
                    "status": 418,
                    "headers": {"Content-Type": "text/plain"},
                    "body": "no",
                },
                "read_token": lambda request: request["headers"].get("x-my-token"),
            },
            _SITE_CSRF,
        ),
        # Ring's "true" is the layer without its safe header.
        "csrf-strict": flagged(["security", "anti_forgery"], {"mode": "token"}, _SITE_CSRF),
        "charset-latin1": flagged(["responses", "default_charset"], "iso-8859-1"),
        "multipart-limits": flagged(
            ["params", "multipart"], {"max_file_size": 10, "max_file_count": 2}
        ),
        "keyword-namespaces": flagged(["params", "keywordize"], {"parse_namespaces": True}),
        "params": lambda: wrap_params,
        "params-latin1": lambda: lambda h: wrap_params(h, encoding="iso-8859-1"),
        "nested-params": lambda: lambda h: wrap_params(wrap_nested_params(h)),
        "keyword-params": lambda: wrap_params,
        "all-params": lambda: all_params,
        "not-modified": lambda: wrap_not_modified,
        "content-type": lambda: wrap_content_type,
        "default-charset": lambda: wrap_default_charset,
        "content-length": lambda: wrap_content_length,
        "idle-timeout": site(timeout=60),
        "absolute-timeout": site(absolute_timeout=60),
        "idle-timeout-cookie-store": lambda: _defaults(
            deep_merge(_stored(sealed()), {"session": {"timeout": 60}})
        ),
    }
