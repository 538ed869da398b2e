"""Clojure values in the vectors as Python ones.

A keyword is text. What has no counterpart (Clojure code, symbols, edn) raises `ClojureOnly`.
"""

from __future__ import annotations

import base64
import io
import json
from datetime import datetime, timedelta
from typing import Any

from tests.ring.fixtures import FIXTURES


class ClojureOnly(Exception):
    """A value that only Clojure has."""


def value(given: Any) -> Any:
    """A value of a handler's arguments."""
    if isinstance(given, list):
        return [value(item) for item in given]
    if not isinstance(given, dict):
        return given
    if len(given) == 1 and next(iter(given)).startswith("$"):
        ((kind, inner),) = given.items()
        return _tagged(kind, inner)
    return {key: value(item) for key, item in given.items()}


def _tagged(kind: str, inner: Any) -> Any:
    match kind:
        case "$seq" | "$list":
            return value(inner)
        case "$set":
            return {*value(inner)}
        case "$stream":
            return io.BytesIO(inner.encode())
        case "$duration":
            return timedelta(seconds=inner)
        case "$zdt":
            return datetime.fromisoformat(inner.replace("Z", "+00:00").replace(".89", ".890"))
        case "$file":
            return FIXTURES / inner.removeprefix("fixtures/")
        case "$bytes":
            return base64.b64decode(inner)
        case "$kw":
            return inner
        case "$edn" if inner.startswith('"'):
            return json.loads(inner)
    raise ClojureOnly(f"{kind} {inner}")


def snake(attrs: Any) -> Any:
    """A map of attributes with Python's names: max-age -> max_age."""
    if not isinstance(attrs, dict):
        return value(attrs)
    return {key.replace("-", "_"): value(item) for key, item in attrs.items()}


def cookies(given: Any) -> Any:
    """The :cookies of a response."""
    if given is None or "$edn" in given:
        return value(given)
    return {
        name: (
            snake(cookie) if isinstance(cookie, dict) and not _is_tagged(cookie) else value(cookie)
        )
        for name, cookie in given.items()
    }


def _is_tagged(given: dict[str, Any]) -> bool:
    return len(given) == 1 and next(iter(given)).startswith("$")
