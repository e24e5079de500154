"""gspread against a sandbox: Google's hosts are rewritten by an adapter, everything else is unchanged."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gspread
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import Credentials
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from sandbox.server import Sandbox

SCOPES = ["https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive"]


class Redirected(HTTPAdapter):
    """Sends what is meant for Google to the sandbox."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = urlsplit(base_url)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit(parts._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        return super().send(request, *args, **kwargs)


def session_for(sandbox: Sandbox, email: str | None = None) -> AuthorizedSession:
    info = sandbox.service_account_info(email) if email else sandbox.service_account_info()
    credentials = Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    session.mount("https://", Redirected(sandbox.url))
    session.trust_env = False
    return session


def client_for(sandbox: Sandbox, email: str | None = None) -> gspread.Client:
    session = session_for(sandbox, email)
    client = gspread.Client(session.credentials, session=session)
    client.set_timeout(30)
    return client
