"""The signature of a hook: pure, so that it is tested by tables.

`X-Rowcast-Timestamp` is Unix seconds; `X-Rowcast-Signature` is `sha256=` and the hex of
HMAC-SHA256(secret, timestamp + "." + body).
"""

import hashlib
import hmac
from collections.abc import Iterable

TOLERANCE_S = 300
"""How far the timestamp may be from our clock, either way: what bounds a replay."""

_SCHEME = "sha256="


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Rowcast-Signature."""
    return _SCHEME + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def objection(
    secrets: Iterable[str], timestamp: str | None, signature: str | None, body: bytes, now: float
) -> str | None:
    """What is wrong with a hook, for its sender; None where one of the secrets signed it within the tolerance.

    `now` is Unix seconds. Every secret is compared, each in constant time.
    """
    if timestamp is None or signature is None:
        return "X-Rowcast-Timestamp and X-Rowcast-Signature are required."
    if not (timestamp.isascii() and timestamp.isdecimal()):
        return "X-Rowcast-Timestamp must be Unix seconds."
    given = signature.encode()
    matches = [hmac.compare_digest(sign(secret, timestamp, body).encode(), given) for secret in secrets]
    if not any(matches):
        return "The signature is not that of this source's secret."
    if abs(now - int(timestamp)) > TOLERANCE_S:
        return f"X-Rowcast-Timestamp is more than {TOLERANCE_S} s from this server's clock."
    return None
