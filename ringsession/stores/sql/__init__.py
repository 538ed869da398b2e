"""Keep sessions in PostgreSQL, MySQL or MariaDB.

A call passes through `store` or `users` (the operations), `engine` (deadline and retries),
`connections` (a connection for each call) and `drivers` (a new connection). `table`, `migration`,
`statements` and `inserts` have the SQL, `rows` the conversions, `errors` the messages, `sweep` the
removal of expired rows.
"""

from .store import SqlStore as SqlStore
from .store import sql_store as sql_store
