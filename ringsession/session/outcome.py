"""What the client, and the audit log, are to hear of a commit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Outcome:
    """What the client is to hear."""

    value: str | None = None  # the cookie's value from now on; None: there is no session
    changed: bool = False  # the client does not have this value yet
    moved: bool = False  # the idle deadline did
    ended: bool = False
    max_age: float | None = None  # seconds for the cookie of a session that is remembered
    event: str | None = None  # what the audit log says of a new value; see `http.audit_log`
    handle: str | None = None  # of the user's login under the new value

    def __repr__(self) -> str:  # the value is a secret
        return f"<Outcome changed={self.changed} moved={self.moved} ended={self.ended}>"
