"""Name the values of parametrized tests. pytest-xdist needs the same names in each process."""

from __future__ import annotations

import re
from typing import Any

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def name_value(value: Any) -> str:
    """Return the repr of a value without addresses, and with the members of a set in order.

    Pass it as `ids` to `pytest.mark.parametrize`.
    """
    shown = sorted(value) if isinstance(value, (set, frozenset)) else value
    return ADDRESS.sub("", repr(shown))
