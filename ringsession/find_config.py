"""Find a config by its name, or the config of an app that a module holds.

The app may stand inside other middleware, such as Werkzeug's ProxyFix.
"""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType
from typing import Any

from .config import Config
from .defaults import api_defaults, secure_api_defaults, secure_site_defaults, site_defaults
from .wsgi import RingApp

CONFIGS: dict[str, Config] = {
    "site": site_defaults,
    "secure-site": secure_site_defaults,
    "api": api_defaults,
    "secure-api": secure_api_defaults,
}
_MOST = 10_000  # objects to look at: an app holds its whole site, and may hold it in a cycle


def _may_hold_app(value: Any) -> bool:
    # By type(), since isinstance() asks a proxy such as flask.current_app, which may raise.
    kind = type(value)
    if issubclass(kind, (type, ModuleType)):
        return False
    is_globals = issubclass(kind, dict) and "__builtins__" in value  # of a function: not its own
    return gc.is_tracked(value) and not is_globals


def find_wrapped(app: Any) -> RingApp | None:
    """Return the outermost app that wrap_defaults made, also inside other middleware.

    >>> from ringsession import to_wsgi, wrap_defaults
    >>> from werkzeug.middleware.proxy_fix import ProxyFix
    >>> app = wrap_defaults(to_wsgi(lambda request: {"status": 204}))
    >>> find_wrapped(ProxyFix(app)) is app
    True
    """
    queue, seen = [app], {id(app)}
    for value in queue:  # grows while it is read, so what is nearest comes first
        if type(value) is RingApp and value.config is not None:
            return value
        # The referents are attributes, variables of a closure and arguments of a partial alike.
        for held in gc.get_referents(value) if len(queue) < _MOST else ():
            if id(held) not in seen and _may_hold_app(held):
                seen.add(id(held))
                queue.append(held)
    return None


def find_config(name: str) -> Config:
    """Return one of the four configs by its name, or the config of the app at MODULE:APP.

    Raises ValueError if no such config, module or app exists.

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
    wrapped = find_wrapped(app)
    if wrapped is None or wrapped.config is None:
        raise ValueError(f"{name}: expected an app that wrap_defaults or RingSession has wrapped")
    return wrapped.config
