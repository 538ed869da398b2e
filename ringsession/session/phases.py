"""Name what a request knows of its session, and what its handler wants of the session's id."""

from __future__ import annotations

from enum import Enum


class Phase(str, Enum):
    """What this request knows of its session."""

    UNTOUCHED = "untouched"  # nobody has used the session
    UNREAD = "unread"  # somebody has, but the store was not asked
    ABSENT = "absent"  # nothing is stored for this request
    LIVE = "live"
    GONE = "gone"  # another request ended or moved it; no write brings it back
    FAILED = "failed"  # the store failed: the response is a 503


class Ending(str, Enum):
    """What the handler wants of the session's id."""

    NONE = "none"
    DESTROY = "destroy"
    RECREATE = "recreate"


# Bound once: an attribute of an Enum class costs a call before Python 3.12.
UNTOUCHED, UNREAD, ABSENT = Phase.UNTOUCHED, Phase.UNREAD, Phase.ABSENT
LIVE, GONE, FAILED = Phase.LIVE, Phase.GONE, Phase.FAILED
NONE, DESTROY, RECREATE = Ending.NONE, Ending.DESTROY, Ending.RECREATE
