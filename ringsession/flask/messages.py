"""Convert between the messages of Flask, which have a category each, and those of the layers."""

from __future__ import annotations

from typing import Any

_CATEGORY = "message"  # flask.flash's own default


def is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def flash_pair(value: Any) -> tuple[Any, Any]:
    """Return a message of the layers as Flask has it: with its category, or "message".

    >>> flash_pair("saved"), flash_pair(("error", "not saved"))
    (('message', 'saved'), ('error', 'not saved'))
    """
    return value if is_pair(value) else (_CATEGORY, value)


def flash_value(category: Any, message: Any) -> Any:
    """Return a message of Flask as the layers have it, so that `flash_pair` gives the pair again.

    >>> flash_value("message", "saved"), flash_value("error", "not saved")
    ('saved', ('error', 'not saved'))
    """
    plain = type(category) is str and category == _CATEGORY and not is_pair(message)
    return message if plain else (category, message)
