"""Keep sessions in a SQLite file.

A call passes through `store` or `users` (the operations), `connections` (waiting for the file's
lock) and `handle` (one connection). `table` and `statements` have the SQL, `rows` the parameters,
`sweep` the removal of expired rows.
"""

from .store import SqliteStore as SqliteStore
from .store import sqlite_store as sqlite_store
