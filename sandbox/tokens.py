"""Access tokens: given for a service account's signed assertion and for a refresh token, and ended. No HTTP."""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.accounts import LEGACY_SCOPE, SCOPE_PREFIX, Account, Consent

TOKEN_LIFETIME = timedelta(hours=1)
_CLOCK_SKEW = timedelta(minutes=5)
_OTHER_SCOPES = ("openid", "email", "profile", LEGACY_SCOPE)


@dataclass(frozen=True, slots=True)
class Token:
    """`refresh_token` names the consent that it comes from; empty for a service account's."""

    text: str
    email: str
    scopes: tuple[str, ...]
    expires: datetime
    refresh_token: str = ""


class GrantRefused(Exception):
    """The token endpoint's refusal: OAuth's error code, its description, and the HTTP status."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class Consents(Protocol):
    """Where consents outlive the process."""

    def save_consent(self, consent: Consent) -> None: ...


class TokenOffice:
    """Gives access tokens, and knows whose a token is. Tokens end with the process, consents don't."""

    def __init__(
        self,
        accounts: dict[str, Account],
        consents: dict[str, Consent],
        store: Consents,
        clock: Callable[[], datetime],
        audience: str,
    ) -> None:
        self._accounts = accounts
        self._consents = consents
        self._store = store
        self._clock = clock
        self._audience = audience
        self._tokens: dict[str, Token] = {}

    def agree(self, consent: Consent) -> None:
        """Takes in what a person allows."""
        self._store.save_consent(consent)
        self._consents[consent.refresh_token] = consent

    def grant(self, assertion: str) -> Token:
        """A new token for the account that signed the assertion.

        Raises:
            GrantRefused: malformed, unknown account, wrong signature, wrong audience, out of date, or no such scope.
        """
        signed, claims, signature = _split(assertion)
        account = self._accounts.get(str(claims.get("iss")))
        if account is None:
            raise GrantRefused("invalid_grant", "Invalid grant: account not found")
        _verify(account, signed, signature)
        if claims.get("sub", account.email) != account.email:
            # Only a domain's administrator can let it, and the sandbox has none.
            raise GrantRefused(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any "
                "of the scopes requested.",
                401,
            )
        if claims.get("aud") not in (self._audience, "https://oauth2.googleapis.com/token"):
            raise GrantRefused("invalid_grant", f"Invalid JWT: the audience must be {self._audience}.")
        self._check_times(claims)
        scopes = tuple(str(claims.get("scope", "")).split())
        if not scopes or not all(map(_is_scope, scopes)):
            raise GrantRefused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self._new(account.email, scopes)

    def refresh(self, client_id: str, client_secret: str, refresh_token: str, scope: str = "") -> Token:
        """A new token for a refresh token; `scope` asks for a part of what was agreed to.

        Raises:
            GrantRefused: unknown or withdrawn, another program's, or for more than was agreed to.
        """
        if not refresh_token:
            raise GrantRefused("invalid_request", "Missing required parameter: refresh_token")
        consent = self._consents.get(refresh_token)
        if not any(known.client_id == client_id for known in self._consents.values()):
            raise GrantRefused("invalid_client", "The OAuth client was not found.", 401)
        if consent is None or consent.client_id != client_id:
            raise GrantRefused("invalid_grant", "Bad Request")
        if consent.client_secret != client_secret:
            raise GrantRefused("invalid_client", "Unauthorized", 401)
        if consent.withdrawn:
            raise GrantRefused("invalid_grant", "Token has been expired or revoked.")
        scopes = tuple(scope.split()) or consent.scopes
        if not set(scopes) <= set(consent.scopes):
            raise GrantRefused("invalid_scope", "Bad Request")
        return self._new(consent.email, scopes, refresh_token)

    def find(self, text: str) -> Token | None:
        """The token, while it is valid."""
        token = self._tokens.get(text)
        return token if token is not None and token.expires > self._clock() else None

    def revoke(self, email: str) -> bool:
        """Ends the account's tokens, and withdraws the person's consents; False where there were none."""
        self._end(token.text for token in self._tokens.values() if token.email == email)
        found = [consent for consent in self._consents.values() if consent.email == email]
        for consent in found:
            self.agree(replace(consent, withdrawn=True))
        return bool(found)

    def revoke_token(self, text: str) -> bool:
        """Ends an access token with the consent that it comes from, or a refresh token with its access tokens; False
        where there is no such token any more."""
        token = self.find(text)
        refresh_token = token.refresh_token if token else text
        consent = self._consents.get(refresh_token)
        if token is None and (consent is None or consent.withdrawn):
            return False
        self._end([text])
        if consent is not None:
            self._end(one.text for one in self._tokens.values() if one.refresh_token == refresh_token)
            self.agree(replace(consent, withdrawn=True))
        return True

    def _new(self, email: str, scopes: tuple[str, ...], refresh_token: str = "") -> Token:
        now = self._clock()
        self._end(token.text for token in self._tokens.values() if token.expires <= now)
        token = Token(f"ya29.{secrets.token_urlsafe(48)}", email, scopes, now + TOKEN_LIFETIME, refresh_token)
        self._tokens[token.text] = token
        return token

    def _end(self, texts: Iterable[str]) -> None:
        for text in list(texts):
            self._tokens.pop(text, None)

    def _check_times(self, claims: dict[str, object]) -> None:
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


def _is_scope(scope: str) -> bool:
    return scope.startswith(SCOPE_PREFIX) or scope in _OTHER_SCOPES


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
