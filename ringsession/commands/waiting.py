"""Show on a terminal that a command is at work, once it takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_FIRST = 1.0  # seconds
_EACH = 0.1
_WIDTH = 20
_MARK = "<=>"


@contextmanager
def waiting(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Show a moving bar and the seconds that have passed, and remove both in the end.

    what: the command. stream: None; a file instead of stderr. On a file that is no terminal,
    nothing is shown.
    """
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield
        return
    done = threading.Event()
    drawing = threading.Thread(target=_draw, args=(what, stream, done), daemon=True)
    drawing.start()
    try:
        yield
    finally:
        done.set()
        drawing.join()


def _draw(what: str, stream: TextIO, done: threading.Event) -> None:
    began = time.monotonic()
    if done.wait(_FIRST):
        return
    step = 0
    while True:
        bar = draw_bar(step)
        stream.write(f"\r{what} {bar} {time.monotonic() - began:.0f} s")
        stream.flush()
        if done.wait(_EACH):
            break
        step += 1
    stream.write("\r\033[K")  # ECMA-48, EL: erase to the end of the line
    stream.flush()


def draw_bar(step: int) -> str:
    """Return a bar at a step of its way to the right and back.

    >>> draw_bar(0), draw_bar(18)
    ('[<=>                 ]', '[                <=> ]')
    """
    way = _WIDTH - len(_MARK)
    place = step % (2 * way)
    left = min(place, 2 * way - place)
    return f"[{' ' * left}{_MARK}{' ' * (way - left)}]"
