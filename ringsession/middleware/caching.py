"""Vary and Cache-Control where a response depends on a session; pure.

Owns what keeps one user's page or cookie out of another user's cache. Knows no session.
"""

from __future__ import annotations

import logging
from typing import Any

from ..request import Response
from ..response import get_header, header, update_header

log = logging.getLogger("ringsession")


def _members(value: Any) -> list[str]:
    """The members of a list header, on however many lines (RFC 9110 section 5.6.1)."""
    lines = [value] if isinstance(value, str) else value
    return [member.strip() for line in lines for member in line.split(",") if member.strip()]


def vary_by_cookie(response: Response) -> Response:
    """The response with Cookie in its Vary (RFC 9110 section 12.5.5).

    >>> vary_by_cookie({"headers": {"Vary": "Origin"}})
    {'headers': {'Vary': 'Origin, Cookie'}}
    """
    vary = get_header(response, "Vary")
    if vary is None:
        return header(response, "Vary", "Cookie")
    members = _members(vary)
    if {"*", "cookie"} & {member.lower() for member in members}:
        return response
    return update_header(response, "Vary", lambda old: ", ".join([*members, "Cookie"]))


def _is_shared(directive: str) -> bool:
    return directive.lower().split("=")[0].strip() in ("public", "s-maxage")


def _directives(value: Any) -> list[str]:
    """The directives of a Cache-Control; a quoted list of field names is one with its directive."""
    directives: list[str] = []
    for member in _members(value):
        if directives and directives[-1].count('"') % 2:
            directives[-1] += f", {member}"
        else:
            directives.append(member)
    return directives


def keep_private(response: Response) -> Response:
    """The response with a Cache-Control that keeps it out of shared caches (RFC 9111 section 7.3).

    >>> keep_private({"headers": {"Cache-Control": "public, max-age=60"}})
    {'headers': {'Cache-Control': 'private, max-age=60'}}
    """
    control = get_header(response, "Cache-Control")
    if control is None:
        return header(response, "Cache-Control", "private")
    directives = _directives(control)
    kept = [directive for directive in directives if not _is_shared(directive)]
    if len(kept) < len(directives):
        log.warning("a response sets the session's cookie: its Cache-Control is made private")
    if not {"private", "no-store"} & {directive.lower() for directive in kept}:
        kept.insert(0, "private")
    if kept == directives:
        return response
    return update_header(response, "Cache-Control", lambda old: ", ".join(kept))
