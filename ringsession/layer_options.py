"""Read the options of a layer from a config, and put the layer around a handler.

True, a dict and a plain value mean something different at a layer's place; that is decided here.
The layers check the values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .config import ConfigError, unknown_key
from .option_error import OptionError
from .request import Handler


def find_value(
    config: Mapping[str, Any], path: tuple[str, ...], defaults: Mapping[str, Any]
) -> Any:
    """Return the value at a path of a config. True on the way stands for the value of the defaults.

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
    """Return a layer's options from the value at its place, or None if the layer is off.

    scalar: the name of the option that a plain value stands for.

    >>> layer_options(True, None), layer_options("deny", "value"), layer_options(False, None)
    ({}, {'value': 'deny'}, None)
    """
    if value is False or value is None:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is True or scalar is None else {scalar: value}


def _check_names(
    wrap: Callable[..., Handler], options: Mapping[str, Any], path: tuple[str, ...]
) -> None:
    """Raise ConfigError for an option that the layer does not have, or needs and does not get."""
    parameters = inspect.signature(wrap).parameters.values()
    known = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    for name in options:
        if name not in [each.name for each in known]:
            raise unknown_key(path, name, [each.name for each in known])
    for each in known:
        if each.default is each.empty and each.name not in options:
            raise ConfigError("expected a value, since it has no default", (*path, each.name))


def wrap_layer(
    handler: Handler,
    wrap: Callable[..., Handler],
    options: Mapping[str, Any],
    path: tuple[str, ...],
    scalar: str | None = None,
) -> Handler:
    """Put a layer around a handler.

    options: the keyword arguments for `wrap`.
    path: where the options stand in the config.
    scalar: None; the option whose value stands at the path itself, without a dict around it.
    Raises ConfigError with the place in the config for every option that the layer refuses.

    >>> from ringsession import wrap_hsts
    >>> wrap_layer(print, wrap_hsts, {"max_age": "1 year"}, ("security", "hsts"))
    Traceback (most recent call last):
    ...
    ringsession.config.ConfigError: ["security"]["hsts"]["max_age"]: expected seconds, got '1 year'
    """
    _check_names(wrap, options, path)
    try:
        return wrap(handler, **options)
    except OptionError as error:
        keys = error.option[1:] if error.option[0] == scalar else error.option
        raise ConfigError(error.problem, (*path, *keys)) from None
