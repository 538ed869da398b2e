"""Build nested parameters from their names: `a[b]` is a dict, `a[]` a list.

Only `params` changes; `query_params`, `form_params` and `multipart_params` stay flat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..http.refusals import BadParams
from ..request import Handler, Request
from ._one_pass import Keys, join
from .params import append_value

MAX_DEPTH = 32
_KEY = re.compile(r"\[([^\[\]]*)\]")


def parse_nested_keys(name: str) -> list[str]:
    """Return the keys in a name. A name without "[", or without "]" at its end, is one key.

    Raises BadParams for a name nested deeper than 32.
    Source: ring.middleware.nested-params/parse-nested-keys.

    >>> parse_nested_keys("a[b][]"), parse_nested_keys("a[b")
    (['a', 'b', ''], ['a[b'])
    """
    start = name.find("[")
    if start < 0 or not name.endswith("]"):
        return [name]
    keys = _KEY.findall(name, start)
    if len(keys) > MAX_DEPTH:
        raise BadParams(f"expected names nested at most {MAX_DEPTH} deep")
    return [name[:start], *keys]


def _assoc_nested(params: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    key, *rest = keys
    if not rest:
        append_value(params, key, value)
    elif rest[0] == "":
        item = value
        if rest[1:]:
            item = {}
            _assoc_nested(item, rest[1:], value)
        append_value(params, key, item)
        params[key] = params[key] if isinstance(params[key], list) else [params[key]]
    else:
        # An upload is a dict too, of another type, so that no field can write into it.
        inner = dict(params[key]) if type(params.get(key)) is dict else {}
        _assoc_nested(inner, rest, value)
        params[key] = inner


def _pairs(params: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        for item in value if isinstance(value, list) else [value]:
            yield name, item


def nest_params(params: dict[str, Any]) -> dict[str, Any]:
    """Return flat parameters as nested ones.

    If two names contradict each other, the deeper and later one stays.

    >>> nest_params({"a[b]": "1", "a[c][]": ["2", "3"], "d": "4"})
    {'a': {'b': '1', 'c': ['2', '3']}, 'd': '4'}
    """
    nested: dict[str, Any] = {}
    for name, value in _pairs(params):
        _assoc_nested(nested, parse_nested_keys(name), value)
    return nested


def _nested(request: Request, params: dict[str, Any] | None) -> dict[str, Any]:
    return nest_params(params or {})


_KEYS = Keys(revised={"params": _nested})


def wrap_nested_params(handler: Handler) -> Handler:
    """Give the parameters the structure that their names describe.

    Reads and changes `request["params"]`. If the handler reads them and a name is nested deeper
    than 32, the response is a 400.
    Source: ring.middleware.nested-params/wrap-nested-params.

    >>> handler = wrap_nested_params(lambda request: {"status": 200, "body": request["params"]})
    >>> handler({"params": {"user[name]": "ann", "user[roles][]": "admin"}})["body"]
    {'user': {'name': 'ann', 'roles': ['admin']}}
    """
    return join(handler, keys=_KEYS, reads_forms=True)
