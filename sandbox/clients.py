"""Google's Python libraries, sent to a sandbox: a session for gspread, and for whatever else takes one of requests'.

Nothing of the sandbox needs it: it is for programs and tests that use one.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

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
    credentials = Credentials.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]
    tokens = Session()
    # google-auth asks for regional limits with the session that fetches tokens.
    authorized = AuthorizedSession(credentials, auth_request=Request(tokens))  # type: ignore[no-untyped-call]
    for one in (tokens, authorized):
        one.mount("https://", Redirected(url))
        one.trust_env = False
    return authorized
