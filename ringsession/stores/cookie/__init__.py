"""Sessions sealed in their own cookies: `store`, and how they are sealed: `seal`, `xaes`."""

from .store import CookieStore as CookieStore
from .store import CookieTooLarge as CookieTooLarge
from .store import SealedSessions as SealedSessions
from .store import cookie_store as cookie_store
