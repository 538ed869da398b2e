"""Run long loops in a process of their own, where coverage does not trace each line.

A traced loop takes three times as long, and measures no line that the other tests do not reach.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")


def run_apart(function: Callable[..., T], *arguments: object) -> T:
    """Return what a function of a module returns in a new process; what it raises is raised here.

    A warning is an error there too, as the suite's settings have it.
    """
    context = get_context("spawn")
    with ProcessPoolExecutor(1, context, warnings.simplefilter, ("error",)) as pool:
        return pool.submit(function, *arguments).result()
