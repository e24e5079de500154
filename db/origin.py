"""Says in the WAL where a commit of ours came from: a transactional logical message, signed.

Anybody may emit messages, so ours carries an HMAC over the transaction's id and the payload: it can neither be
forged nor copied into another transaction. It is kept for audit and history, and decides nothing.
"""

import hashlib
import hmac
import json

from db.changes import Cause
from db.session import Connection

PREFIX = "rowcast"
"""Of all our logical messages. With an empty payload it is a heartbeat."""


async def emit_origin(connection: Connection, key: bytes, cause: Cause, actor: str | None) -> int:
    """Mark the connection's open transaction; returns its 64-bit xid."""
    row = await (await connection.execute("SELECT pg_current_xact_id()::text")).fetchone()
    assert row is not None
    xid = int(row[0])
    await connection.execute(
        "SELECT pg_logical_emit_message(true, %s, %s::text)", (PREFIX, sign_origin(key, xid, cause, actor))
    )
    return xid


def sign_origin(key: bytes, xid: int, cause: Cause, actor: str | None) -> str:
    """The message's payload: JSON of cause, actor and signature."""
    return json.dumps({"cause": cause, "actor": actor, "mac": _mac(key, xid, cause, actor)})


def read_origin(key: bytes, xid: int, payload: bytes) -> tuple[Cause, str | None] | None:
    """Cause and actor of a message of the transaction with the 64-bit `xid`; None unless we signed just that."""
    try:
        message = json.loads(payload)
        cause, actor, mac = Cause(message["cause"]), message["actor"], message["mac"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(mac, str) or not mac.isascii() or not isinstance(actor, str | None):
        return None
    return (cause, actor) if hmac.compare_digest(mac, _mac(key, xid, cause, actor)) else None


def _mac(key: bytes, xid: int, cause: Cause, actor: str | None) -> str:
    return hmac.new(key, json.dumps([xid, cause, actor]).encode(), hashlib.sha256).hexdigest()
