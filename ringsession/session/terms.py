"""What the session layer's options say of every session of an app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..request import Request


def _never(record: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """The options of `wrap_session` that the core of a session needs.

    user_key: the session key that names the user, where the store finds users.
    may_remember: whether a login may ask for the times of `["session"]["remember"]`.
    is_activity: whether a request extends the idle timeout; None: each one does.
    cookie_follows: whether the cookie of the session with this record must be sent again when the
        idle timeout is extended.
    audit_user: whether the audit log names the user.
    """

    user_key: str | None = None
    may_remember: bool = False
    is_activity: Callable[[Request], bool] | None = None
    cookie_follows: Callable[[str], bool] = _never
    audit_user: bool = False


NO_TERMS = Terms()
