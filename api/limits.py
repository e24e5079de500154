"""How large what comes in may be: nothing is read into memory past a limit."""

from typing import Final

GRAPHQL_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a POST to /graphql; 413 beyond."""
WEBSOCKET_LIMIT: Final = 1024 * 1024
"""Bytes of one WebSocket message from a client, unpacked; 1009 beyond: larger mutations go by POST."""
HOOK_LIMIT: Final = 256 * 1024
"""Bytes of a hook; it carries no data, only a hint."""
ID_LIMIT: Final = 256
"""Characters of an operation's id; 4400 beyond. It is kept, and every message of the operation begins with it."""
