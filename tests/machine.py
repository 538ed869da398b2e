"""Find what a test needs on this machine, or skip the test and say what to install.

With CI=true a missing part fails the test instead. This module imports nothing of the project.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import pytest

_MISSING = re.compile(r"(?P<part>\S+) is missing: (?P<install>apt-get|pip) install (?P<names>.+)")


def find_program(name: str, *patterns: str, package: str, pip: bool = False) -> str:
    """Return the path of a program.

    patterns: globs that are tried first; the newest file of the first that matches wins. Then PATH
        and /usr/sbin, where Debian keeps servers.
    package: the Debian package that has the program, or what pip installs, with pip=True.
    """
    for pattern in patterns:
        for path in sorted(glob.glob(pattern), reverse=True):
            return path
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or refuse(name, package, pip=pip)


def import_part(name: str) -> Any:
    """Return a module of the test extra; call it at the head of a test module."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return refuse(name, "'ringsession[test]'", pip=True)


def refuse(part: str, package: str, *, pip: bool = False) -> Any:
    """Skip the running test or module, since a part is missing; with CI=true fail it."""
    message = f"{part} is missing: {'pip' if pip else 'apt-get'} install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message, allow_module_level=True)


def sum_up(reasons: Iterable[str]) -> str:
    """Return one line on the tests that a missing part left out, "" if nothing was missing.

    reasons: why each skipped test was skipped.
    """
    left_out = [match for reason in reasons if (match := _MISSING.search(reason))]
    if not left_out:
        return ""
    debian = {match["names"] for match in left_out if match["install"] == "apt-get"}
    python = {match["names"] for match in left_out if match["install"] == "pip"}
    commands = [f"apt-get install {' '.join(sorted(debian))}"] if debian else []
    commands += [f"pip install {names}" for names in sorted(python)]
    parts = ", ".join(sorted({match["part"] for match in left_out}))
    count = "1 test" if len(left_out) == 1 else f"{len(left_out)} tests"
    return f"Not run: {count}, for want of {parts}. To run them: {'; '.join(commands)}"
