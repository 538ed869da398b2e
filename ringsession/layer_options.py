"""The options of a layer, from a config.

Owns what True, a dict and a plain value mean at a layer's place, and which options there are: those that its function
names. Knows no layer's work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .config import ConfigError, place, show, unknown_key
from .request import Handler

_TYPES: dict[str, type] = {"bool": bool, "int": int, "str": str, "None": type(None)}


def find_value(
    config: Mapping[str, Any], path: tuple[str, ...], defaults: Mapping[str, Any]
) -> Any:
    """What stands at a path; True on the way there stands for what the defaults have.

    >>> find_value({"params": True}, ("params", "nested"), {"params": {"nested": True}})
    True
    """
    value: Any = config
    default: Any = defaults
    for key in path:
        value = default if value is True else value
        value = value.get(key, False) if isinstance(value, Mapping) else False
        default = default.get(key, False) if isinstance(default, Mapping) else False
    return value


def layer_options(value: Any, scalar: str | None) -> dict[str, Any] | None:
    """The options that a value gives a layer, None where it is off; a plain value is the option named by `scalar`.

    >>> layer_options(True, None), layer_options("deny", "value"), layer_options(False, None)
    ({}, {'value': 'deny'}, None)
    """
    if value is False or value is None:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is True or scalar is None else {scalar: value}


def wrap_layer(
    handler: Handler,
    wrap: Callable[..., Handler],
    options: Mapping[str, Any],
    path: tuple[str, ...],
    scalar: str | None,
) -> Handler:
    """Put a layer around a handler; ConfigError says where in the config a wrong option stands.

    >>> from ringsession import wrap_hsts
    >>> wrap_layer(print, wrap_hsts, {"max_age": "1 year"}, ("security", "hsts"), None)
    Traceback (most recent call last):
    ...
    ringsession.config.ConfigError: ["security"]["hsts"]["max_age"]: expected int, got '1 year'
    """
    parameters = inspect.signature(wrap).parameters
    known = [
        name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for name, value in options.items():
        if name not in known:
            raise unknown_key(path, name, known)
        expected = parameters[name].annotation
        types = [_TYPES.get(kind) for kind in str(expected).split(" | ")]
        if None not in types and type(value) not in types:
            where = place(path if name == scalar else [*path, name])
            raise ConfigError(f"{where}: expected {expected}, got {show(value)}")
    try:
        return wrap(handler, **options)
    except (
        TypeError,
        ValueError,
    ) as error:  # what the layer says of an option: "name: expected ..."
        name, colon, problem = str(error).partition(": ")
        if not colon or name not in known:
            raise
        where = place(path if name == scalar else [*path, name])
        raise ConfigError(f"{where}: {problem}") from None
