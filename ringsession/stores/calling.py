"""Call a store. Whatever it raises means that it could not answer."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .unavailable import StoreUnavailable

_Answer = TypeVar("_Answer")
HARMLESS = "ringsession_harmless"  # an attribute of an exception: its message, without a value


def ask(method: Callable[..., _Answer], *args: Any, **options: Any) -> _Answer:
    """Call a method of a store. Turn any exception into StoreUnavailable (see `Store`)."""
    try:
        return method(*args, **options)
    except StoreUnavailable:
        raise
    except Exception as error:
        name = getattr(method, "__qualname__", type(method).__name__)
        failure = f"{name} failed: {describe(error)}"
    # Raised outside the handler, so that no traceback shows the error: it may quote a session.
    raise StoreUnavailable(failure)


def describe(error: Exception) -> str:
    """Return the type of an error and where it was raised.

    Its message stays out, unless a store of ours has marked it as harmless.
    """
    frames = traceback.extract_tb(error.__traceback__)
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    words = getattr(error, HARMLESS, "")
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"{module}{kind.__qualname__} at {place}{': ' if words else ''}{words}"
