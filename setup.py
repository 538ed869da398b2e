"""Compile the modules below with mypyc, if RINGSESSION_COMPILED=1; all else is in pyproject.toml.

Without the variable the wheel is pure Python, and its build needs neither mypy nor a C compiler.
"""

import os
import sys

from setuptools import Extension, setup

# What a request calls most, as far as only this package calls it. Left out are
# - modules with functions that an app calls, or with checks of what it gives: compiled code checks
#   the annotations first, and its TypeError says less than our errors; help() would be empty too;
# - what mypyc refuses: a runtime-checkable Protocol, a lone surrogate in a literal, several base
#   classes, a base class like int or RuntimeError, and two names in one assignment of a class;
# - what changes once compiled: wsgi/app_call (an int loses its subclass, our Status),
#   stores/cookie/seal (a slice in a constant is refused as an index of bytes), wsgi/exchange,
#   codec/values and session/user (their own checks come too late).
COMPILED = [
    "ringsession/codec/json_text.py",
    "ringsession/middleware/_request_session.py",
    "ringsession/middleware/_session_cookie.py",
    "ringsession/session/commit.py",
    "ringsession/session/contents.py",
    "ringsession/session/failure.py",
    "ringsession/session/lookup.py",
    "ringsession/session/outcome.py",
    "ringsession/session/renewal.py",
    "ringsession/session/state.py",
    "ringsession/stores/cookie/sessions.py",
    "ringsession/stores/cookie/xaes.py",
    "ringsession/stores/memory_entry.py",
    "ringsession/stores/memory_table.py",
    "ringsession/wsgi/body.py",
    "ringsession/wsgi/environ.py",
]


def compile_modules() -> list[Extension]:
    from mypyc.build import mypycify

    # `make lint` checks the types. Here the libraries are missing, which would be errors.
    options = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={os.devnull}"]
    modules: list[Extension] = mypycify([*options, *COMPILED], group_name="ringsession")
    return modules


if __name__ == "__main__":
    is_wanted = os.environ.get("RINGSESSION_COMPILED") == "1"
    # An sdist or an editable install is never compiled, but may be asked for with the variable set.
    is_wheel = "bdist_wheel" in sys.argv
    setup(
        setup_requires=["mypy>=2.4"] if is_wanted else [],
        ext_modules=compile_modules() if is_wanted and is_wheel else [],
    )
