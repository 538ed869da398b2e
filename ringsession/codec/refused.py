"""Say where in a session the value is that cannot be stored.

The path shows keys and types, but no values: those may be secret.
"""

from __future__ import annotations

import json
from decimal import Decimal
from enum import Enum

from markupsafe import Markup

# A datetime or a UUID cannot be made from a subclass in one call.
_BASES = (Markup, str, int, float, bytes, dict, list, tuple, set, frozenset, Decimal)


class Refused(Exception):
    """A value cannot be stored. Each caller on the way out adds one step of the value's path.

    problem: a phrase that follows the path: "is nested more than 100 levels deep".
    """

    def __init__(self, kind: type[Exception], problem: str) -> None:
        self.kind = kind
        self.problem = problem
        self.path: list[object] = []

    def within(self, key: object) -> Refused:
        """Add the step that leads to the value, from the inside out."""
        self.path.append(key)
        return self

    def error(self, where: str) -> Exception:
        """Return the exception for the user, with the whole path of the value."""
        shown = [_show(key) for key in reversed(self.path)]
        if len(shown) > 10:
            shown[5:-5] = ["..."]
        return self.kind(f"{where}{''.join(shown)} {self.problem}")


def refuse_type(value: object) -> Refused:
    """Return the refusal of a value whose type cannot be stored. It says what to store instead."""
    kind = type(value)
    problem = f"is an object of type '{kind.__name__}', which cannot be stored"
    for base in _BASES:
        if issubclass(kind, base):
            instead = "value.value" if issubclass(kind, Enum) else f"{base.__name__}(value)"
            problem += f": it would come back as {base.__name__}. Store {instead} instead"
            return Refused(TypeError, problem)
    example = ""
    if issubclass(kind, Enum):
        example = ", such as value.value for a member of an Enum"
    elif _acts_as_text(kind):
        example = ", such as str(value) for a lazy string"
    return Refused(
        TypeError,
        f"{problem}. Convert it to a str, number, list, dict, datetime or another supported type"
        f' first{example} (see "What a session can hold")',
    )


def _acts_as_text(kind: type) -> bool:
    # Only the type is asked: a lazy string computes its text for each attribute.
    has_text = any("__str__" in vars(base) for base in kind.__mro__[:-1])
    is_builtin = kind.__module__ == "builtins"  # bytearray
    return has_text and not is_builtin and hasattr(kind, "__mod__") and hasattr(kind, "__add__")


def _show(key: object) -> str:
    """Return one step of a path: the start of a text, a small number, or a type."""
    if isinstance(key, str):
        return f"[{json.dumps(key[:40])}]"
    return f"[{key}]" if type(key) is int and abs(key) < 10**9 else f"[{type(key).__name__}]"
