"""Sessions in a SQLite file.

The way of a call: `store` (operations), `connections` (waiting and turns), `handle` (one connection). Beside
it: `table`, `statements`.
"""

from .store import SqliteStore as SqliteStore
from .store import sqlite_store as sqlite_store
