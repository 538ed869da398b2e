"""Refuse at once what is no handler and what is no WSGI app, and say what to write instead."""

from __future__ import annotations

import inspect
from typing import Any

from ..response_shape import ASYNC


def _takes(function: Any, *arguments: str) -> bool:
    """Return whether a call with these arguments fits. A callable without a signature may fit."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _is_async(function: Any) -> bool:
    call = getattr(function, "__call__", None)
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (function, call)
    )


def _arguments(function: Any) -> str:
    return f"({', '.join(inspect.signature(function).parameters)})"


def _name(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def check_handler(handler: Any) -> None:
    """Raise TypeError unless `to_wsgi` can make a WSGI app of it."""
    if not callable(handler):
        what = "a handler, a function of the request"
        raise TypeError(f"to_wsgi: expected {what}, got {_name(handler)}")
    if _is_async(handler):
        raise TypeError(f"to_wsgi: the handler {ASYNC}")
    if _takes(handler, "request"):
        return
    arguments = _arguments(handler)
    if _takes(handler, "request", "respond", "raise_"):
        raise TypeError(
            f"to_wsgi: the handler takes {arguments}; write to_wsgi(blocking(handler)), which waits"
            " for the response"
        )
    if _takes(handler, "environ", "start_response"):
        raise TypeError(
            f"to_wsgi: the handler takes {arguments}, as a WSGI app does. A WSGI app needs no"
            " to_wsgi: write wrap_defaults(app). A handler takes the request alone; one of three"
            " arguments needs blocking(handler)"
        )
    raise TypeError(
        f"to_wsgi: expected a function of one argument, the request, got one of {arguments}"
    )


def check_app(app: Any) -> None:
    """Raise TypeError unless `from_wsgi` can make a handler of it."""
    if not callable(app):
        raise TypeError(f"from_wsgi: expected a WSGI app, got {_name(app)}")
    if not _takes(app, "environ", "start_response"):
        raise TypeError(
            "from_wsgi: expected a WSGI app of (environ, start_response), got one of"
            f" {_arguments(app)}. A handler needs no from_wsgi"
        )
