"""Name a wrong option in an error: OptionError, and checks that several layers need.

A layer raises OptionError where it finds a wrong option. `layer_options.py` makes it a ConfigError
with the whole path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

Path = tuple[Any, ...]  # of keys (str) and positions in a list (int)


def place(path: Sequence[Any]) -> str:
    """Return a path as Python writes it.

    >>> place(["session", "former_cookie_attrs", 0])
    '["session"]["former_cookie_attrs"][0]'
    """
    return "".join(f'["{key}"]' if isinstance(key, str) else f"[{show(key)}]" for key in path)


def show(value: Any) -> str:
    """Return a value for an error message. A long one may be a secret, so only its type is shown.

    >>> show(5), show("a" * 50)
    ('5', 'a str')
    """
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


class OptionError(ValueError):
    """An option has a wrong value.

    option: the option's name, or a tuple of the name and the keys inside its value.
    problem: what was expected, and what the value is.

    >>> raise OptionError(("cookie_attrs", "same_site"), "expected a str, got 5")
    Traceback (most recent call last):
    ...
    ringsession.option_error.OptionError: cookie_attrs["same_site"]: expected a str, got 5
    """

    def __init__(self, option: str | Path, problem: str) -> None:
        super().__init__(option, problem)
        self.option: Path = option if isinstance(option, tuple) else (option,)
        self.problem = problem

    def __str__(self) -> str:
        name, *keys = self.option
        return f"{name}{place(keys)}: {self.problem}"


def wrong_value(option: str | Path, what: str, value: Any) -> OptionError:
    """Return the error for a value that is not what an option expects.

    >>> str(wrong_value("hops", "a number over 0", -1))
    'hops: expected a number over 0, got -1'
    """
    return OptionError(option, f"expected {what}, got {show(value)}")


def to_seconds(value: Any) -> Any:
    """Return a timedelta as a number of seconds, and any other value as it is.

    >>> to_seconds(timedelta(minutes=1)), to_seconds(None)
    (60.0, None)
    """
    return value.total_seconds() if isinstance(value, timedelta) else value


def list_items(name: str, values: Iterable[Any]) -> list[tuple[Path, Any]]:
    """Return the items of an option, each with its place: the items of a set have the option's.

    >>> list_items("host", ["a", "b"])
    [(('host', 0), 'a'), (('host', 1), 'b')]
    """
    if isinstance(values, Sequence):
        return [((name, index), value) for index, value in enumerate(values)]
    return [((name,), value) for value in values]


def check_switches(**options: Any) -> None:
    """Raise OptionError for an option that is not True or False.

    >>> check_switches(refuse="no")
    Traceback (most recent call last):
    ...
    ringsession.option_error.OptionError: refuse: expected True or False, got 'no'
    """
    for name, value in options.items():
        if type(value) is not bool:
            raise wrong_value(name, "True or False", value)


def check_callables(**options: Any) -> None:
    """Raise OptionError for an option that is neither None nor a function.

    >>> check_callables(exempt=["/hook"])
    Traceback (most recent call last):
    ...
    ringsession.option_error.OptionError: exempt: expected a function or None, got ['/hook']
    """
    for name, value in options.items():
        if value is not None and not callable(value):
            raise wrong_value(name, "a function or None", value)


def suggest(name: object, known: Collection[str]) -> str:
    """Return what somebody may have meant by a name that nobody knows.

    >>> suggest("time_out", ["timeout", "flash"]), suggest("x", ["timeout", "flash"])
    ('did you mean "timeout"?', 'known: timeout, flash')
    """
    from difflib import get_close_matches  # only an error needs this import

    close = get_close_matches(str(name), known, 1)
    return f'did you mean "{close[0]}"?' if close else f"known: {', '.join(known)}"
