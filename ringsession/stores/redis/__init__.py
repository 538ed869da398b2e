"""Sessions in Redis or Valkey.

The way of a call: `store` (operations), `call` (retries), `connections` (which server), `exchange` (one
packet), `handshake` (a new connection). Pure: `layout`, `scripts`, `replies`.
"""

from .store import RedisStore as RedisStore
from .store import redis_store as redis_store
