"""Give every Flask app of a test suite a RingSession, as a plugin of pytest."""

from __future__ import annotations

import functools
from typing import Any

import flask
from ringsession_store import new_store

from ringsession.flask import RingSession

_init = flask.Flask.__init__


@functools.wraps(_init)
def _init_with_sessions(app: flask.Flask, *args: Any, **keywords: Any) -> None:
    _init(app, *args, **keywords)
    RingSession(app, {"session": {"store": new_store()}})


flask.Flask.__init__ = _init_with_sessions  # type: ignore[method-assign]
