"""Forty pains of those who use sessions, as programs that tell whether one of them is spared:
`PAINS`.
"""

from .cookies import COOKIES
from .growth import GROWTH
from .login import LOGIN
from .lost import LOST
from .running import RUNNING
from .values import VALUES_KEPT

PAINS = {**LOST, **GROWTH, **VALUES_KEPT, **COOKIES, **LOGIN, **RUNNING}
