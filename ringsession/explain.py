"""What a config puts around an app, in words: the layers, their options, and what is weak.

Owns the words. Shows no secret: of a store only what kind it is, of a function only its name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from .layer_options import find_value, layer_options
from .config import Config, place
from .defaults import (
    LAYERS,
    Layer,
    api_defaults,
    secure_api_defaults,
    secure_site_defaults,
    site_defaults,
)
from .stores import Store
from .stores.cookie.store import CookieStore
from .stores.memory import MemoryStore
from .stores.shown_url import show_url
from .wsgi import RingApp

CONFIGS: dict[str, Config] = {
    "site": site_defaults,
    "secure-site": secure_site_defaults,
    "api": api_defaults,
    "secure-api": secure_api_defaults,
}


def find_config(name: str) -> Config:
    """The config by the name of one of the four, or that of the app at MODULE:APP.

    Raises ValueError with one line for what is not there.

    >>> find_config("site") is site_defaults
    True
    """
    if name in CONFIGS:
        return CONFIGS[name]
    module, colon, path = name.partition(":")
    if not colon or not path:
        raise ValueError(f"expected MODULE:APP, or one of {', '.join(CONFIGS)}, got {name!r}")
    try:
        app: Any = import_module(module)
        for part in path.split("."):
            app = getattr(app, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name}: {error}") from None
    app = getattr(app, "wsgi_app", app)  # of Flask
    if not isinstance(app, RingApp) or app.config is None:
        raise ValueError(f"{name}: expected an app that wrap_defaults gave")
    return app.config


_URL = re.compile(r"[^\s;,]+://[^\s;,]*[@?#][^\s;,]*")  # in another option, with more than a place


def _show(value: Any) -> str:
    if isinstance(value, str):
        return repr(_URL.sub(lambda found: show_url(found[0]), value))
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_show, value)) + "]"
    if isinstance(value, (CookieStore, MemoryStore)):
        return "cookie_store" if isinstance(value, CookieStore) else "memory_store"
    return getattr(value, "__name__", f"a {type(value).__name__}")


def _show_option(name: str, value: Any) -> str:
    return repr(show_url(value)) if name == "store" and isinstance(value, str) else _show(value)


def _options(layer: Layer, given: Mapping[str, Any]) -> str:
    """Every option of a layer, also those that nobody gave."""
    parameters = inspect.signature(layer.wrap).parameters.values()
    default = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    values = {name: given.get(name, value) for name, value in default.items()}
    return " ".join(f"{name}={_show_option(name, value)}" for name, value in values.items())


def _layers(config: Mapping[str, Any]) -> Iterator[tuple[Layer, dict[str, Any] | None]]:
    for layer in LAYERS:
        value = find_value(config, layer.path, site_defaults)
        yield layer, layer_options(value, layer.scalar)


def find_weaknesses(config: Mapping[str, Any]) -> list[str]:
    """What a site of people would want otherwise, one line each.

    >>> find_weaknesses({"session": False})[0]
    'no ["security"]["hsts"]: browsers do not remember to come by https'
    """
    on = {layer.path[-1]: options for layer, options in _layers(config)}
    found = list(_weak_session(on["session"]) if on["session"] is not None else ())
    if on["session"] is not None and on["anti_forgery"] is None:
        found.append("no CSRF protection: another site can act in the name of its visitors")
    if (on["anti_forgery"] or {}).get("safe_header"):
        found.append("a safe header passes as a token: no CORS rule may let other sites send it")
    if on["hsts"] is None:
        found.append('no ["security"]["hsts"]: browsers do not remember to come by https')
    if on["ssl_redirect"] is None:
        found.append('no ["security"]["ssl_redirect"]: the app answers over plain http')
    for name in ("files", "resources"):
        if (on[name] or {}).get("allow_symlinks"):
            found.append(f'["static"]["{name}"] follows links out of its root')
    if on["session"] is not None and on["content_security_policy"] is None:
        found.append("no content security policy: a page runs whatever gets into it")
    return found


def _weak_session(given: Mapping[str, Any]) -> Iterator[str]:
    options = {**site_defaults["session"], **given}
    attrs = options["cookie_attrs"] or {}
    store = options["store"]
    if store in (None, "memory:") or isinstance(store, MemoryStore):
        yield "memory_store: sessions end with the process, and work in one process only"
    elif isinstance(store, CookieStore):
        yield "cookie_store: the last write wins, and a late response can undo a logout"
    elif not isinstance(store, (str, Store)):
        yield "a store of three functions: the last write wins, and a late write can undo a logout"
    if not attrs.get("secure"):
        yield "the session's cookie is not Secure: it is sent over plain http too"
    if attrs.get("http_only") is False:
        yield "the session's cookie is not HttpOnly: scripts can read it"
    if str(attrs.get("same_site", "lax")).lower() == "none":
        yield "the session's cookie is SameSite=None: other sites' requests carry it"
    if options["timeout"] is None:
        yield "no timeout: a session that nobody uses lives on"
    if options["absolute_timeout"] is None:
        yield "no absolute_timeout: a session that is used never ends"


def _find_sessions(config: Mapping[str, Any]) -> str | None:
    """Where the sessions of an app are, if another app could have its own in the same place."""
    given = layer_options(find_value(config, ("session",), site_defaults), None)
    if given is None:
        return None
    options = {**site_defaults["session"], **given}
    store = options["store"]
    if store in (None, "memory:") or isinstance(store, (MemoryStore, CookieStore)):
        return None
    where = show_url(store) if isinstance(store, str) else repr(store)
    if not isinstance(
        store, (str, Store)
    ):  # a store of the application's own, whose repr may show anything
        where = f"a {type(store).__name__}"
    return (
        f"cookie {options['cookie_name']!r} in {where}; an app with the same cookie name"
        " needs a prefix (Redis), table (SQL) or file (SQLite) of its own"
    )


def explain(config: Mapping[str, Any]) -> str:
    """The stack of a config, outermost layer first, what is off, where sessions are, and what is weak.

    >>> print(explain({"cookies": True}).split("\\n\\n")[0])
    wrap_cookies                  ["cookies"]
    """
    lines, off = [], []
    for layer, options in _layers(config):
        if options is None:
            off.append(place(layer.path))
        else:
            where = f"{layer.wrap.__name__:30}{place(layer.path):42}"
            lines.append(f"{where}{_options(layer, options)}".rstrip())
    weak = find_weaknesses(config)
    parts = ["\n".join(lines)]
    parts += ["off:\n" + "\n".join(f"  {name}" for name in off)] if off else []
    sessions = _find_sessions(config)
    parts += [f"sessions:\n  {sessions}"] if sessions else []
    parts += ["to look at:\n" + "\n".join(f"  {line}" for line in weak)] if weak else []
    return "\n\n".join(filter(None, parts))
