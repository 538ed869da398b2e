"""Keep sessions in Redis or Valkey.

A call passes through `store` (the operations), `call` (retries), `connections` (which server),
`exchange` (one packet) and `handshake` (a new connection). `failures` has what an exchange raises,
and `lookup` runs what may take long in a thread. `layout`, `scripts` and `replies` have pure
functions and constants.
"""

from .store import RedisStore as RedisStore
from .store import redis_store as redis_store
