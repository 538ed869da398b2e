"""What fails in a process of its own fails the test."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from tests.apart import run_apart


def fail() -> None:
    raise AssertionError("number 7")


def warn() -> None:
    warnings.warn("old", DeprecationWarning, stacklevel=1)


def trace() -> tuple[int, object]:
    return os.getpid(), sys.gettrace()


def test_another_process_runs_the_function_and_traces_nothing() -> None:
    process, tracer = run_apart(trace)
    assert process != os.getpid() and tracer is None


def test_a_failure_apart_is_a_failure_here() -> None:
    with pytest.raises(AssertionError, match="number 7"):
        run_apart(fail)


def test_a_warning_apart_is_an_error_here() -> None:
    with pytest.raises(DeprecationWarning, match="old"):
        run_apart(warn)
