"""Describe a config in words: the layers around an app, their options, and the weak points.

No secret is shown: a store is shown by its kind, and a function by its name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .layer_options import find_value, layer_options
from .config import place
from .defaults import site_defaults
from .layers import LAYERS, Layer
from .option_error import to_seconds
from .stores import Store
from .stores.cookie.store import CookieStore
from .stores.memory import MemoryStore
from .stores.shown_url import show_url

# A URL in any option that may hold a secret: a password, a query or a fragment.
_URL = re.compile(r"[^\s;,]+://[^\s;,]*[@?#][^\s;,]*")


def _show(value: Any) -> str:
    if isinstance(value, str):
        return repr(_URL.sub(lambda found: show_url(found[0]), value))
    value = to_seconds(value)
    if value is None or isinstance(value, (bool, int, float)):
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


def _show_options(layer: Layer, options: Mapping[str, Any]) -> str:
    """Return every option of a layer as text, with the default of an option that is not set."""
    parameters = inspect.signature(layer.wrap).parameters.values()
    default = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    values = {name: options.get(name, value) for name, value in default.items()}
    return " ".join(f"{name}={_show_option(name, value)}" for name, value in values.items())


def _layers(config: Mapping[str, Any]) -> Iterator[tuple[Layer, dict[str, Any] | None]]:
    for layer in LAYERS:
        value = find_value(config, layer.path, site_defaults)
        yield layer, layer_options(value, layer.scalar)


def find_weaknesses(config: Mapping[str, Any]) -> list[str]:
    """Return the weak points of a config for a site that people log in to, one line each.

    >>> find_weaknesses({"session": False})[0]
    'no ["security"]["hsts"]: browsers may still use plain http'
    """
    on = {layer.path[-1]: options for layer, options in _layers(config)}
    found = list(_weak_session(on["session"]) if on["session"] is not None else ())
    if on["session"] is not None and on["anti_forgery"] is None:
        found.append("no CSRF protection: another site can act in the name of its visitors")
    if (on["anti_forgery"] or {}).get("safe_header"):
        found.append(
            "a safe header passes as a token: let no CORS rule allow other sites to send it"
        )
    if on["hsts"] is None:
        found.append('no ["security"]["hsts"]: browsers may still use plain http')
    if on["ssl_redirect"] is None:
        found.append('no ["security"]["ssl_redirect"]: the app answers over plain http')
    if on["hosts"] is None:
        found.append('no ["security"]["hosts"]: a client may write any name into Host')
    for name in ("files", "resources"):
        if (on[name] or {}).get("allow_symlinks"):
            found.append(f'["static"]["{name}"] follows links out of its root')
    if on["session"] is not None and on["content_security_policy"] is None:
        found.append("no content security policy: a page runs every script that gets into it")
    return found


def _cookie_attrs(session: Mapping[str, Any]) -> Mapping[str, Any]:
    attrs = session.get("cookie_attrs")
    return (attrs() if callable(attrs) else attrs) or {}


def _weak_session(session: Mapping[str, Any]) -> Iterator[str]:
    options = {**site_defaults["session"], **session}
    attrs = _cookie_attrs(options)
    store = options["store"]
    if store in (None, "memory:") or isinstance(store, MemoryStore):
        yield "memory_store: sessions end with the process, and only one process sees them"
    elif isinstance(store, CookieStore):
        yield "cookie_store: the last write wins, and a late response can undo a logout"
    elif not isinstance(store, (str, Store)):
        yield "a store of three functions: the last write wins, and a late write can undo a logout"
    if not attrs.get("secure"):
        yield "the session's cookie is not Secure: it is sent over plain http too"
    if attrs.get("http_only") is False:
        yield "the session's cookie is not HttpOnly: scripts can read it"
    if str(attrs.get("same_site", "lax")).lower() == "none":
        yield "the session's cookie is SameSite=None: requests from other sites carry it"
    if options["timeout"] is None:
        yield "no timeout: a session that nobody uses never ends"
    if options["absolute_timeout"] is None:
        yield "no absolute_timeout: a session that somebody uses never ends"


def _find_notes(config: Mapping[str, Any]) -> list[str]:
    """Return what often surprises with such a config, one line each."""
    on = {layer.path[-1]: options for layer, options in _layers(config)}
    attrs = {"same_site": "lax", **_cookie_attrs(on["session"] or {})}
    has_cookie = on["session"] is not None and str(attrs["same_site"]).lower() in ("lax", "strict")
    if has_cookie and (on["anti_forgery"] or {}).get("trusted_origins"):
        return [
            "a form post from a trusted origin on another site comes without the session's cookie,"
            f" since that is SameSite={str(attrs['same_site']).capitalize()}: see"
            ' docs/background/security.md, "Accept form posts from another site"'
        ]
    return []


def _find_sessions(config: Mapping[str, Any]) -> str | None:
    """Return where an app stores its sessions, if another app could store its own there too."""
    session = layer_options(find_value(config, ("session",), site_defaults), None)
    if session is None:
        return None
    options = {**site_defaults["session"], **session}
    store = options["store"]
    if store in (None, "memory:") or isinstance(store, (MemoryStore, CookieStore)):
        return None
    if isinstance(store, str):
        where = show_url(store)
    elif isinstance(store, Store):
        where = repr(store)
    else:  # the repr of an app's own store may show a secret
        where = f"a {type(store).__name__}"
    return (
        f"cookie {options['cookie_name']!r} in {where}; another app with the same cookie name"
        " needs its own prefix (Redis), table (SQL) or file (SQLite)"
    )


def explain(config: Mapping[str, Any]) -> str:
    """Return a description of a config, with the outermost layer first.

    It lists the layers with their options, the layers that are off, where sessions are stored,
    notes and the weak points.

    >>> print(explain({"cookies": True}).split("\\n\\n")[0])
    wrap_cookies                  ["cookies"]
    """
    lines, off = [], []
    for layer, options in _layers(config):
        if options is None:
            off.append(place(layer.path))
        else:
            where = f"{layer.wrap.__name__:29} {place(layer.path):41} "
            lines.append(f"{where}{_show_options(layer, options)}".rstrip())
    weak = find_weaknesses(config)
    parts = ["\n".join(lines)]
    parts += ["off:\n" + "\n".join(f"  {name}" for name in off)] if off else []
    sessions = _find_sessions(config)
    parts += [f"sessions:\n  {sessions}"] if sessions else []
    notes = _find_notes(config)
    parts += ["notes:\n" + "\n".join(f"  {line}" for line in notes)] if notes else []
    parts += ["weak points:\n" + "\n".join(f"  {line}" for line in weak)] if weak else []
    return "\n\n".join(filter(None, parts))
