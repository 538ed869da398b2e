"""Tell the time at which a file was written from a time that a tool set."""

from __future__ import annotations

# Tools give every file one time: 0, 1 (Nix), 1980-01-01 (zip), 1985-10-26 (npm), 2000-01-01
# (Bazel), in any time zone. A file of a site is hardly older than these.
_EARLIEST = 978_307_200  # 2001-01-01


def is_likely_date(seconds: float, now: float) -> bool:
    """Return whether a file's time (seconds since 1970) may say when it was last modified.

    RFC 9110 section 8.8.2.1 forbids to send a Last-Modified that is in the future.

    >>> is_likely_date(1, 1_700_000_000), is_likely_date(1_600_000_000.5, 1_700_000_000)
    (False, True)
    """
    return _EARLIEST <= seconds <= now


def is_set_by_tool(seconds: float) -> bool:
    """Return whether a tool may have set a file's time, so that another content may have it too.

    The time of a write has a fraction of a second; that from SOURCE_DATE_EPOCH, tar or zip has
    none.

    >>> is_set_by_tool(1_700_000_000), is_set_by_tool(1_700_000_000.25)
    (True, False)
    """
    return seconds == int(seconds)
