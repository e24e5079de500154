"""Google's Python libraries, sent to a sandbox: a session for gspread, and for whatever else takes one of requests'.

Nothing of the sandbox needs it: it is for programs and tests that use one.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from google.auth.crypt import RSASigner
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from sandbox.accounts import SCOPES


class Redirected(HTTPAdapter):
    """Sends what is meant for Google to the sandbox at `url`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = urlsplit(url)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit(parts._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        return super().send(request, *args, **kwargs)


def session(url: str, info: Mapping[str, str], scopes: Sequence[str] = SCOPES) -> AuthorizedSession:
    """A service account's session; `info` is its file's content. Its URLs are Google's."""
    credentials = Credentials(  # type: ignore[no-untyped-call]
        _signer(info["private_key"], info["private_key_id"]), info["client_email"], info["token_uri"], scopes=scopes
    )
    tokens = Session()
    # google-auth asks for regional limits with the session that fetches tokens.
    authorized = AuthorizedSession(credentials, auth_request=Request(tokens))  # type: ignore[no-untyped-call]
    for one in (tokens, authorized):
        one.mount("https://", Redirected(url))
        one.trust_env = False
    return authorized


@lru_cache(maxsize=64)
def _signer(private_key: str, key_id: str) -> RSASigner:
    """To load a key takes 60 ms, for it is checked: longer than most of what a program does in one session."""
    signer: RSASigner = RSASigner.from_string(private_key, key_id)  # type: ignore[no-untyped-call]
    return signer
