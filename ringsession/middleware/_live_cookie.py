"""Keep the session's cookie in step with a function that returns its attributes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..option_error import OptionError
from ._session_cookie import SessionCookie
from ._session_options import check_former, find_attrs

CookieAttrs = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except ValueError:  # a callable without a readable signature
        return True
    except TypeError:
        return False
    return True


class LiveCookie:
    """Return the session's cookie by the attributes of now. See `wrap_session`.

    attrs: a dict, None, or a function that returns either. Raises OptionError for wrong options,
    at once and when the function returns wrong attributes.
    """

    def __init__(
        self,
        name: str,
        attrs: Any,
        root: str | None,
        rolling: bool,
        former: Sequence[Mapping[str, Any]],
    ) -> None:
        self.name = name
        self._read = attrs if callable(attrs) else None
        self._root = root
        self._rolling = rolling
        self._former = former
        if self._read is not None and not _takes_nothing(self._read):
            problem = "expected a dict, or a function without arguments, got one with some"
            raise OptionError("cookie_attrs", problem)
        self._made = self._make(attrs if self._read is None else self._read())

    @property
    def fixed(self) -> SessionCookie | None:
        """Return the cookie if its attributes never change."""
        return None if self._read is not None else self._made[1]

    def __call__(self) -> SessionCookie:
        made = self._made
        given = made[0] if self._read is None else self._read()
        if given != made[0]:
            made = self._made = self._make(given)
        return made[1]

    def _make(self, given: Any) -> tuple[Any, SessionCookie]:
        attrs = find_attrs(self.name, given, self._root)
        former = check_former(self._former, self.name, attrs)
        # A copy, since the function may change the dict that it returns.
        seen = dict(given) if isinstance(given, Mapping) else given
        return seen, SessionCookie(self.name, attrs, self._rolling, former)
