"""Return the Vary and Cache-Control that a response with a session must have.

They keep one user's page or cookie out of another user's cache. The session layer decides which
responses need them.
"""

from __future__ import annotations

import logging
from typing import Any

from .fields import check_field

log = logging.getLogger("ringsession")


def _members(name: str, value: Any) -> list[str]:
    """Return the members of a list header, on however many lines (RFC 9110 section 5.6.1).

    Raises ValueError for a control character, which could be stripped and never seen again.
    """
    lines = [value] if isinstance(value, str) else value
    for line in lines:
        check_field(name, line)
    return [member.strip() for line in lines for member in line.split(",") if member.strip()]


def vary_by_cookie(vary: Any) -> Any:
    """Return the value of Vary with Cookie added (RFC 9110 section 12.5.5).

    >>> vary_by_cookie("Origin"), vary_by_cookie(None)
    ('Origin, Cookie', 'Cookie')
    """
    if vary is None:
        return "Cookie"
    members = _members("Vary", vary)
    if {"*", "cookie"} & {member.lower() for member in members}:
        return vary
    return ", ".join([*members, "Cookie"])


def _is_shared(directive: str) -> bool:
    return directive.lower().split("=")[0].strip() in ("public", "s-maxage")


def _directives(value: Any) -> list[str]:
    """Return the directives of a Cache-Control. A quoted list of names belongs to its directive."""
    directives: list[str] = []
    for member in _members("Cache-Control", value):
        if directives and directives[-1].count('"') % 2:
            directives[-1] += f", {member}"
        else:
            directives.append(member)
    return directives


def keep_private(control: Any) -> Any:
    """Return the value of Cache-Control that keeps shared caches out (RFC 9111 section 7.3).

    >>> keep_private("public, max-age=60"), keep_private(None)
    ('private, max-age=60', 'private')
    """
    if control is None:
        return "private"
    directives = _directives(control)
    kept = [directive for directive in directives if not _is_shared(directive)]
    if len(kept) < len(directives):
        log.warning("Made the Cache-Control of a response private: it depends on the session")
    if not {"private", "no-store"} & {directive.lower() for directive in kept}:
        kept.insert(0, "private")
    return control if kept == directives else ", ".join(kept)
