"""Service accounts and the tokens that they were given."""

import base64
import binascii
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TOKEN_LIFETIME = timedelta(hours=1)
PERSON = "person@rowcast-sandbox.example"
PROJECT = "rowcast-sandbox"
DEMO_ACCOUNT = f"demo@{PROJECT}.iam.gserviceaccount.com"
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account; `private_key` is PEM text, `client_id` Google's number of it."""

    email: str
    private_key: str
    key_id: str
    client_id: str


class GrantRefused(Exception):
    """The token endpoint's refusal: OAuth's error code and its description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def new_account(email: str) -> Account:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Account(email, pem.decode(), secrets.token_hex(20), str(10**20 + secrets.randbelow(10**20)))


def account_file(account: Account, base_url: str) -> dict[str, str]:
    """The account's key file in Google's own format; `token_uri` is the sandbox's."""
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": account.key_id,
        "private_key": account.private_key,
        "client_email": account.email,
        "client_id": account.client_id,
        "auth_uri": f"{base_url}/auth",
        "token_uri": f"{base_url}/token",
        "auth_provider_x509_cert_url": f"{base_url}/oauth2/v1/certs",
        "client_x509_cert_url": f"{base_url}/robot/v1/metadata/x509/{account.email}",
        "universe_domain": "googleapis.com",
    }


class TokenOffice:
    """Gives access tokens for signed assertions, and knows whose a token is. Tokens end with the process."""

    def __init__(self, accounts: dict[str, Account], clock: Callable[[], datetime], audience: str) -> None:
        self._accounts = accounts
        self._clock = clock
        self._audience = audience
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def grant(self, assertion: str) -> str:
        """A new token for the account that signed the assertion.

        Raises:
            GrantRefused: malformed, unknown account, wrong signature, wrong audience, or out of date.
        """
        signed, claims, signature = _split(assertion)
        account = self._accounts.get(str(claims.get("iss")))
        if account is None:
            raise GrantRefused("invalid_grant", "Invalid grant: account not found")
        _verify(account, signed, signature)
        if claims.get("aud") not in (self._audience, "https://oauth2.googleapis.com/token"):
            raise GrantRefused("invalid_grant", f"Invalid JWT: the audience must be {self._audience}.")
        now = self._clock()
        issued, expires = claims.get("iat"), claims.get("exp")
        if (
            not isinstance(issued, int)
            or not isinstance(expires, int)
            or expires < now.timestamp() - _CLOCK_SKEW.total_seconds()
            or issued > now.timestamp() + _CLOCK_SKEW.total_seconds()
            or expires - issued > TOKEN_LIFETIME.total_seconds()
        ):
            raise GrantRefused(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._tokens = {name: held for name, held in self._tokens.items() if held[1] > now}
        self._tokens[token] = (account.email, now + TOKEN_LIFETIME)
        return token

    def owner(self, token: str) -> str | None:
        """The account of a token that is still valid, or None."""
        email, expires = self._tokens.get(token, ("", None))
        return email if expires is not None and expires > self._clock() else None

    def revoke(self, email: str) -> None:
        """Ends the account's tokens."""
        self._tokens = {name: held for name, held in self._tokens.items() if held[0] != email}


def _split(assertion: str) -> tuple[bytes, dict[str, object], bytes]:
    signed, _, signature = assertion.rpartition(".")
    _, _, body = signed.partition(".")
    try:
        claims = json.loads(_decode(body))
        return signed.encode(), claims if isinstance(claims, dict) else {}, _decode(signature)
    except (ValueError, binascii.Error) as error:
        raise GrantRefused("invalid_grant", "Bad JWT: it must be three base64url parts joined by dots.") from error


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _verify(account: Account, signed: bytes, signature: bytes) -> None:
    pem = account.private_key.encode()
    # The key is one that we made: checking its primes again would take most of the call's time.
    key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise GrantRefused("invalid_grant", "Invalid JWT Signature.") from error
