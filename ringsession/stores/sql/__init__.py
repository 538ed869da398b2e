"""Sessions in PostgreSQL, MySQL or MariaDB.

The way of a call: `store` (operations), `engine` (retries), `connections` (whose), `drivers` (a new connection).
Beside it: `table`, `migration`, `statements`, `rows`, `errors`.
"""

from .store import SqlStore as SqlStore
from .store import sql_store as sql_store
