"""Open the store that RINGSESSION_STORE names. Each app has its own."""

from __future__ import annotations

import os
from typing import Any

from ringsession import cookie_store, deep_merge, memory_store, site_defaults, wrap_defaults

_KEY = "a key that no suite knows, of 32 characters"
_STORES = {"memory": memory_store, "cookie": lambda: cookie_store(_KEY)}
_open = _STORES[os.environ["RINGSESSION_STORE"]]  # at once: suites change the environment


def new_store() -> Any:
    return _open()


def _counting(app: Any) -> Any:
    """Use the session in every POST, so that it is stored and sent; a GET leaves it alone."""

    def counting(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] == "POST":
            session = environ["ringsession.session"]
            session["posts"] = session.get("posts", 0) + 1
        return app(environ, start_response)

    return counting


def around(app: Any) -> Any:
    """Put the site's layers around a WSGI app; a suite's own forms have no token of ours."""
    own = {"session": {"store": new_store()}, "security": {"anti_forgery": False}}
    return wrap_defaults(_counting(app), deep_merge(site_defaults, own))
