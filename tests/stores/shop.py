"""A small shop as an app for servers: `gunicorn "tests.stores.shop:make_app()"`, with its store's
name in SESSION_STORE.
"""

from __future__ import annotations

import os
from typing import Any

from ringsession import (
    assoc_in,
    deep_merge,
    recreate,
    response,
    site_defaults,
    to_wsgi,
    wrap_defaults,
)


def shop(request: Any) -> Any:
    session = request["session"]
    _, act, *what = request["uri"].split("/")
    if act == "login":
        return response("hello") | {"session": recreate({"user": what[0], "cart": []})}
    if act == "logout":
        return response("bye") | {"session": None}
    if act == "add":
        session["cart"].append(what[0])
    if act == "like":
        session.swap("likes", lambda likes: (likes or 0) + 1)
    said = [session.get("user"), session.get("cart"), session.get("likes")]
    return response(repr(said))


def make_app() -> Any:
    config = deep_merge(site_defaults, {"security": {"anti_forgery": False}})
    store = os.environ["SESSION_STORE"]
    return wrap_defaults(to_wsgi(shop), assoc_in(config, ["session", "store"], store))
