"""Who may call: service accounts with their keys, and what people let programs do in their name."""

import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PERSON = "person@rowcast-sandbox.example"
PROJECT = "rowcast-sandbox"
DEMO_ACCOUNT = f"demo@{PROJECT}.iam.gserviceaccount.com"
SCOPE_PREFIX = "https://www.googleapis.com/auth/"
LEGACY_SCOPE = "https://spreadsheets.google.com/feeds"
"""The spreadsheets' scope of Google's older API, which the new one still takes."""
SCOPES = (f"{SCOPE_PREFIX}spreadsheets", f"{SCOPE_PREFIX}drive")


@dataclass(frozen=True, slots=True)
class Account:
    """A service account; `private_key` is PEM text, `client_id` Google's number of it."""

    email: str
    private_key: str
    key_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Consent:
    """A person let a program use these scopes in their name; the program has the refresh token to show for it."""

    refresh_token: str
    email: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    withdrawn: bool = False


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


def new_consent(email: str, scopes: tuple[str, ...]) -> Consent:
    return Consent(
        f"1//{secrets.token_urlsafe(64)}",
        email,
        f"{secrets.randbelow(10**12):012d}-{secrets.token_hex(16)}.apps.googleusercontent.com",
        f"GOCSPX-{secrets.token_urlsafe(21)}",
        scopes,
    )


def consent_file(consent: Consent, base_url: str) -> dict[str, str | list[str]]:
    """The file that Google's tools keep of a consent, `authorized_user`; `token_uri` is the sandbox's."""
    return {
        "type": "authorized_user",
        "account": consent.email,
        "client_id": consent.client_id,
        "client_secret": consent.client_secret,
        "refresh_token": consent.refresh_token,
        "token_uri": f"{base_url}/token",
        "scopes": list(consent.scopes),
        "universe_domain": "googleapis.com",
    }
