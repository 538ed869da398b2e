"""The store of sealed cookies: its keys, its clock, and nothing on the server.

`sessions.py` decides what a cookie holds.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from enum import Enum

from .. import CopiesAsItself
from .seal import Keyring, new_key


class CookieTooLarge(ValueError):
    """A session does not fit into its cookie. Nothing was stored or sent.

    The message names the largest keys.
    """


class CookieStore(CopiesAsItself):
    """The store that `cookie_store` makes."""

    def __init__(self, keyring: Keyring, clock: Callable[[], float], *, random: bool) -> None:
        self.keyring = keyring
        self.clock = clock
        self.single_process = random

    def __repr__(self) -> str:
        return f"<cookie_store with {'a random' if self.single_process else 'a given'} key>"


class _Random(Enum):
    KEY = "a random key"


def cookie_store(
    key: str | bytes | _Random = _Random.KEY,
    fallback_keys: Sequence[str | bytes] = (),
    *,
    clock: Callable[[], float] = time.time,
) -> CookieStore:
    """Return a store that keeps each session in its cookie, encrypted with XAES-256-GCM.

    key: at least 16 bytes. Use 32 random bytes: `python -m ringsession key` prints some. A key that
         repeats a few bytes is refused; one that documentation shows is logged. Without this
         argument the store makes a random key and warns (RuntimeWarning), since the sessions are
         lost when the process ends. None is an error, since `os.environ.get("KEY")` returns it for
         a variable that is not set.
    fallback_keys: (); older keys. They open cookies but seal no new ones.
    clock: time.time; a function that returns seconds, for tests.

    This store has three limits. Requests at the same time lose each other's changes. A cookie that
    was copied before the logout still opens after it, until its timeouts. `session.swap` raises
    TypeError. A session whose cookie is larger than 4096 octets raises CookieTooLarge.
    Raises ValueError or TypeError for an invalid key. The message does not show the key.
    Source: ring.middleware.session.cookie/cookie-store.

    >>> from ringsession import assoc_in, site_defaults
    >>> config = assoc_in(site_defaults, ["session", "store"], cookie_store("a 16-byte secret"))
    """
    if key is None or None in list(fallback_keys):
        which = "the key" if key is None else "a fallback key"
        raise TypeError(
            f"cookie_store: {which} is None. Is an environment variable not set? `python -m"
            " ringsession key` prints a key; cookie_store() without an argument makes a random one"
        )
    if key is _Random.KEY:
        message = (
            "cookie_store: no key given, so it uses a random key, and all sessions end with this"
            " process. Pass the output of `python -m ringsession key`, the same for every worker."
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    random = key is _Random.KEY
    return CookieStore(
        Keyring(new_key() if key is _Random.KEY else key, fallback_keys), clock, random=random
    )
