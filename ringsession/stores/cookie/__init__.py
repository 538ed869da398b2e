"""Keep sessions sealed in their own cookies.

`store` has the operations and the timeouts, `seal` the format, `xaes` the encryption.
"""

from .store import CookieStore as CookieStore
from .store import CookieTooLarge as CookieTooLarge
from .sessions import SealedSessions as SealedSessions
from .store import cookie_store as cookie_store
