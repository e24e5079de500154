"""A hook's signature, at its edges."""

import hashlib
import hmac

import pytest

from api.hook_signature import TOLERANCE_S, objection, sign

NOW = 1_750_000_000.0
BODY = b'{"range":"A7"}'


def test_the_signature_is_what_the_documentation_says() -> None:
    expected = hmac.new(b"secret", b"1750000000." + BODY, hashlib.sha256).hexdigest()
    assert sign("secret", "1750000000", BODY) == f"sha256={expected}"


@pytest.mark.parametrize("offset", [0, TOLERANCE_S, -TOLERANCE_S])
def test_a_signed_hook_within_the_tolerance_is_taken(offset: int) -> None:
    timestamp = str(int(NOW) + offset)
    assert objection(["new", "old"], timestamp, sign("old", timestamp, BODY), BODY, NOW) is None


@pytest.mark.parametrize("offset", [TOLERANCE_S + 1, -TOLERANCE_S - 1, 10**12])
def test_outside_the_tolerance_it_is_refused(offset: int) -> None:
    timestamp = str(int(NOW) + offset)
    reason = objection(["secret"], timestamp, sign("secret", timestamp, BODY), BODY, NOW)
    assert reason is not None
    assert "clock" in reason


@pytest.mark.parametrize(
    ("secrets", "timestamp", "signature", "body", "word"),
    [
        (["secret"], None, "sha256=00", BODY, "required"),
        (["secret"], "1750000000", None, BODY, "required"),
        (["secret"], "yesterday", "sha256=00", BODY, "Unix seconds"),
        (["secret"], "-1", "sha256=00", BODY, "Unix seconds"),
        (["secret"], "١٧٥٠", "sha256=00", BODY, "Unix seconds"),
        (["secret"], "1750000000", "sha256=00", BODY, "secret"),
        (["secret"], "1750000000", "ünsigned", BODY, "secret"),
        (["secret"], "1750000000", sign("secret", "1750000000", BODY), BODY + b" ", "secret"),
        (["secret"], "1750000001", sign("secret", "1750000000", BODY), BODY, "secret"),
        (["other"], "1750000000", sign("secret", "1750000000", BODY), BODY, "secret"),
        ([], "1750000000", sign("", "1750000000", BODY), BODY, "secret"),
    ],
)
def test_what_is_not_signed_so_is_refused(
    secrets: list[str], timestamp: str | None, signature: str | None, body: bytes, word: str
) -> None:
    reason = objection(secrets, timestamp, signature, body, NOW)
    assert reason is not None
    assert word in reason
