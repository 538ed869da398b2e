"""Say where in a session the value is that cannot be stored.

The path shows keys and types, but no values: those may be secret.
"""

from __future__ import annotations

import json


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


def _show(key: object) -> str:
    """Return one step of a path: the start of a text, a small number, or a type."""
    if isinstance(key, str):
        return f"[{json.dumps(key[:40])}]"
    return f"[{key}]" if type(key) is int and abs(key) < 10**9 else f"[{type(key).__name__}]"
