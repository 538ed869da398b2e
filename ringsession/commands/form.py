"""Say which form of the package runs: pure Python, or compiled (setup.py lists what that is)."""

from __future__ import annotations

from importlib.machinery import ExtensionFileLoader

from ..late_names import find_version
from ..session import contents


def name_form() -> str:
    """Return the version and the form: "ringsession 0.2.0 (pure Python)", or "... (compiled)"."""
    is_compiled = isinstance(contents.__loader__, ExtensionFileLoader)
    return f"ringsession {find_version()} ({'compiled' if is_compiled else 'pure Python'})"
