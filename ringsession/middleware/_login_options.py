"""Check the session layer's options for logins: whose a session is, and for how long it lives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_to_bytes

from ..option_error import OptionError, wrong_value
from ..request import Request
from ..session.contents import is_reserved
from ..stores import Lifetime, StoreUnavailable
from ..stores.creating import MAY_CHECK
from ..stores.deadlines import Limit
from ..stores.logins import UserTerms
from ._except_paths import read_paths
from ._session_options import read_seconds

Remember = Mapping[str, float | timedelta | None] | None
Passive = Callable[[Request], Any] | Collection[str]

REMEMBER: Mapping[str, float | timedelta | None] = {
    "timeout": 30 * 86_400,
    "absolute_timeout": 90 * 86_400,
}


def read_limit(lifetime: Lifetime, remember: Remember) -> Limit:
    """Return the times of a session, and those of a session that is remembered.

    Raises OptionError for a wrong option.
    """
    if remember is None:
        return Limit(*lifetime)
    if not isinstance(remember, Mapping):
        raise wrong_value("remember", 'a dict such as {"timeout": 2592000}, or None', remember)
    for name in remember:
        if name not in REMEMBER:
            raise OptionError(("remember", name), f"unknown option; known: {', '.join(REMEMBER)}")
    try:
        times = list(read_seconds(**{**REMEMBER, **remember}))
    except OptionError as error:
        raise OptionError(("remember", *error.option), error.problem) from None
    return Limit(*lifetime, remembered=Lifetime(*times))


def read_users(user_key: Any, user_limit: Any, store: Any) -> UserTerms | None:
    """Return the terms for users, or None without a `user_key`.

    Raises OptionError for a wrong option, and for a right that the store lacks to find users.
    """
    if user_limit is not None and (type(user_limit) is not int or user_limit < 1):
        raise wrong_value("user_limit", "a number of at least 1, or None", user_limit)
    if user_key is None:
        if user_limit is not None:
            raise OptionError("user_limit", "expected None without a user_key")
        return None
    is_text = type(user_key) is str and user_key.isprintable()
    if not is_text or not user_key or is_reserved(user_key):
        what = 'a session key such as "user", or None'
        raise wrong_value("user_key", what, user_key)
    check = getattr(store, "check_users", None)
    if check is not None and MAY_CHECK.get():
        try:
            check()
        except StoreUnavailable:
            pass  # `find_store` has logged it: the server may start after the app
        except ValueError as error:
            raise OptionError("user_key", str(error)) from None
    return UserTerms(user_key, user_limit)


def read_passive(passive: Passive) -> Callable[[Request], bool] | None:
    """Return whether a request is activity; None if each one is. Raises OptionError.

    >>> read_passive(["/poll"])(Request({"uri": "/poll"}))
    False
    """
    if callable(passive):
        function = passive
        return lambda request: not function(request)
    paths = read_paths("passive", passive)
    return (lambda request: unquote_to_bytes(request["uri"]) not in paths) if paths else None
