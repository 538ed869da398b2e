"""Check the options of the session layer when an app is wrapped, and open the store.

`session.py` uses the results. `_cookie_attrs.py` has the rules for a cookie's attributes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..option_error import OptionError, Path, to_seconds, wrong_value
from ..session.failure import say
from ..stores import Lifetime, StoreUnavailable, is_seconds
from ..stores.backend import Backend
from ..stores.creating import MAY_CHECK
from ..stores.logins import UserTerms
from ..stores.opening import open_sessions
from ..stores.memory import memory_store
from ..stores.named import open_store
from ..stores.shown_url import show_store
from ._cookie_attrs import another_name, check_attrs, check_cookie

log = logging.getLogger("ringsession")

# Databases keep milliseconds in 64 bits, and infinity not at all. None stands for no limit.
_LONGEST = 10**10  # seconds, which are 317 years


def read_seconds(**options: float | timedelta | None) -> Iterator[float | None]:
    """Return each option as seconds over 0, or None. Raises OptionError for any other value."""
    for name, value in options.items():
        seconds = to_seconds(value)
        if not is_seconds(seconds):
            raise wrong_value(name, "seconds over 0, or None", value)
        if seconds is not None and seconds > _LONGEST:
            raise wrong_value(name, f"at most {_LONGEST} seconds, or None for no limit", value)
        yield seconds


def find_attrs(name: Any, cookie_attrs: Any, root: Any) -> dict[str, Any]:
    """Return the attributes of the session's cookie.

    They are the defaults, `cookie_attrs` over them, and `root` as the path if it is not None.
    Raises OptionError unless a browser takes a cookie of this name with these attributes.
    """
    if cookie_attrs is not None and not isinstance(cookie_attrs, Mapping):
        raise wrong_value("cookie_attrs", "a dict", cookie_attrs)
    if root is not None and not isinstance(root, str):
        raise wrong_value("root", "a str or None", root)
    attrs = {"path": "/", "http_only": True, "same_site": "lax", **dict(cookie_attrs or {})}
    if root is not None:
        attrs["path"] = root
    try:
        check_cookie(name, attrs)
    except OptionError as error:
        key = error.option[0]
        option: Path = ("cookie_attrs", key)
        if key == "name" and "name" not in attrs:
            option = ("cookie_name",)
        elif key == "path" and root is not None:
            option = ("root",)
        raise OptionError(option, error.problem) from None
    return attrs


def open_backend(
    store: Any, cookie_name: str, lifetime: Lifetime, users: UserTerms | None
) -> Backend:
    """Return the sessions in a store. Raises OptionError if it is no store, or has no users."""
    try:
        return open_sessions(store, cookie_name, lifetime, users)
    except TypeError as error:
        raise OptionError("store" if users is None else "user_key", str(error)) from None


_SCOPE = ("domain", "path", "partitioned")


def check_former(
    former: Sequence[Mapping[str, Any]], cookie_name: str, attrs: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Return the scopes that an app used before. Raises OptionError for a wrong one.

    cookie_name, attrs: the cookie as it is configured; a scope takes the attributes that it lacks
        from there.
    """
    name = "former_cookie_attrs"
    if isinstance(former, (str, bytes, Mapping)) or not isinstance(former, Sequence):
        what = 'a list of dicts such as [{"domain": "example.org"}]'
        raise OptionError(name, f"expected {what}, got {type(former).__name__}")
    for index, scope in enumerate(former):
        if not isinstance(scope, Mapping):
            raise OptionError((name, index), f"expected a dict, got {type(scope).__name__}")
        for key in scope:
            if key not in _SCOPE:
                problem = f"unknown attribute; known: {', '.join(_SCOPE)}"
                raise OptionError((name, index, key), problem)
        try:
            check_attrs({**attrs, **scope})
        except OptionError as error:
            raise OptionError((name, index, *error.option), error.problem) from None
        try:
            check_cookie(cookie_name, {**attrs, **scope})
        except OptionError:  # a deletion there would name a cookie that no browser ever kept
            raise OptionError(
                (name, index),
                f"a browser never kept a cookie named {cookie_name!r:.60} with another path or a"
                f" domain. Remove this entry, or {another_name(cookie_name)}, in cookie_name",
            ) from None
    return list(former)


def find_store(option: Any) -> Any:
    """Return the store of an option: open a name, and check a store that can check itself."""
    if option is None:
        return memory_store()
    if isinstance(option, type):  # a class has all methods of a store, too
        name = option.__name__
        raise OptionError("store", f"expected a store, got the class {name}; make an object of it")
    store = open_store(option) if isinstance(option, str) else option
    check = getattr(store, "check", None)
    if callable(check) and MAY_CHECK.get():
        try:
            check()
        except StoreUnavailable as error:  # the server may start after the app
            shown = show_store(store)
            log.warning(
                "cannot reach %s; requests will get 503 until it answers: %s", shown, say(error)
            )
            log.debug("The traceback of the store's failure:", exc_info=error)
        except ValueError as error:
            raise OptionError("store", str(error)) from None
    return store
