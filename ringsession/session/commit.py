"""What becomes of a session when its response begins: decided first, then done.

Owns the step and its outcome. Knows no request and no response, and of stores only `Backend`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from .mapping import Session
from ..stores import Change, SessionGone, StoreUnavailable
from ..stores.backend import Backend

log = logging.getLogger("ringsession")


@dataclass(slots=True)
class Step:
    """What is to be done with a session when its response begins."""

    act: Literal["keep", "create", "patch", "touch", "destroy", "recreate", "drop"]
    change: Change | None = None


KEEP = Step("keep")


@dataclass(slots=True)
class Outcome:
    """What the client is to hear of it."""

    value: str | None = None  # the cookie's value from now on; None: there is no session
    changed: bool = False  # the client does not have this value yet
    moved: bool = False  # the idle deadline did
    ended: bool = False

    def __repr__(self) -> str:  # the value is a secret
        return f"<Outcome changed={self.changed} moved={self.moved} ended={self.ended}>"


def decide(session: Session, status: int) -> Step:
    """What the store must do, from what the request did; pure."""
    if session.ending is not None:
        return Step(session.ending)
    if session.loaded is None or session.loaded.outlived:
        return Step("create") if session.is_wanted else KEEP
    change = session.change()
    if not session.is_live:  # another request ended it a moment ago, and nothing brings it back
        return Step("drop") if change else KEEP
    if change:
        return Step("patch", change)
    # The cookie store's rule: a failing page is no activity.
    return Step("touch") if session.loaded.due and status < 500 else KEEP


def perform(step: Step, session: Session, sessions: Backend) -> Outcome:
    """Do it: at most one round trip, two to recreate."""
    old, loaded = session.value, session.loaded
    match step.act:
        case "keep":
            moved = loaded.moved if loaded is not None else False
            return Outcome(old, False, moved) if session.is_live else Outcome()
        case "patch" if step.change:
            assert old is not None and loaded is not None
            value = sessions.patch(old, loaded, step.change)
            return Outcome(value, value is not None and value != old, loaded.moved)
        case "create":
            return Outcome(_create(session, sessions), True)
        case "touch":
            return _touch(session, sessions)
        case "destroy":
            return _destroy(session, sessions)
        case "recreate":
            return _recreate(session, sessions)
    raise SessionGone


def _touch(session: Session, sessions: Backend) -> Outcome:
    old, loaded = session.value, session.loaded
    assert old is not None and loaded is not None
    try:
        value = sessions.touch(old, loaded)
    except StoreUnavailable:
        log.warning("a session's idle deadline could not be moved", exc_info=True)
        return Outcome(old)
    return Outcome(value, value is not None and value != old, True)


def _create(session: Session, sessions: Backend) -> str | None:
    return sessions.create(session.record(), disposable=session.is_disposable)


def _destroy(session: Session, sessions: Backend) -> Outcome:
    wanted = session.is_wanted
    if wanted:
        session.record()  # what cannot be stored raises before the old id dies
    ended = _end(session, sessions)
    return Outcome(_create(session, sessions), True) if wanted else Outcome(ended=ended)


def _end(session: Session, sessions: Backend) -> bool:
    """End each session that the request brought; True if one of them was live."""
    if session.rivals:
        return any([sessions.destroy(value) for value in session.rivals])
    if session.value is None or session.loaded is None:
        return False
    if session.is_ended and session.loaded.successor is None:
        return False  # another request ended it, and there is none to which it moved
    return sessions.destroy(session.value)


def _recreate(session: Session, sessions: Backend) -> Outcome:
    session.record()  # what cannot be stored raises before anything is done
    if session.value is not None:
        value = sessions.recreate(session.value, session.loaded, session)
    else:
        record = session.alone()
        value = None if record is None else sessions.create(record)
        if _end(session, sessions) and value is None:
            return Outcome(ended=True)
    return Outcome(value, value is not None)
