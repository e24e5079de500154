"""gspread against a sandbox: Google's hosts are rewritten by an adapter, everything else is unchanged."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gspread
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.service_account import Credentials
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from sandbox.accounts import DEMO_ACCOUNT
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


def session_for(sandbox: Sandbox, email: str = DEMO_ACCOUNT) -> AuthorizedSession:
    """An authorised session; its paths are Google's, as in `https://sheets.googleapis.com/v4/spreadsheets`."""
    info = sandbox.service_account_info(email)
    credentials = Credentials.from_service_account_info(info, scopes=SCOPES)  # type: ignore[no-untyped-call]
    tokens = Session()
    # google-auth asks for regional limits with the session that fetches tokens.
    session = AuthorizedSession(credentials, auth_request=Request(tokens))  # type: ignore[no-untyped-call]
    for one in (tokens, session):
        one.mount("https://", Redirected(sandbox.url))
        one.trust_env = False
    return session


def client_for(sandbox: Sandbox, email: str = DEMO_ACCOUNT) -> gspread.Client:
    session = session_for(sandbox, email)
    client = gspread.Client(session.credentials, session=session)
    client.set_timeout(30)
    return client


class Api:
    """Bare calls of one account, for what gspread hides: statuses, bodies, fields."""

    def __init__(self, sandbox: Sandbox, email: str = DEMO_ACCOUNT) -> None:
        self.session = session_for(sandbox, email)

    def sheets(self, method: str, path: str, body: Any = None, **query: Any) -> Response:
        url = f"https://sheets.googleapis.com/v4/spreadsheets{path}"
        return self._call(method, url, query, body)

    def drive(self, method: str, path: str, body: Any = None, **query: Any) -> Response:
        url = f"https://www.googleapis.com/drive/v3/{path}"
        return self._call(method, url, query, body)

    def _call(self, method: str, url: str, query: dict[str, Any], body: Any) -> Response:
        response = self.session.request(method, url, params=query, json=body, timeout=30)  # type: ignore[no-untyped-call]
        assert isinstance(response, Response)
        return response

    def close(self) -> None:
        self.session.close()  # type: ignore[no-untyped-call]

    def batch(self, file_id: str, *requests: Any) -> Response:
        return self.sheets("POST", f"/{file_id}:batchUpdate", {"requests": list(requests)})

    def read(self, file_id: str, a1: str, **query: Any) -> Any:
        """The values of a range, unformatted unless the query says otherwise."""
        response = self.sheets("GET", f"/{file_id}/values/{a1}", **{"valueRenderOption": "UNFORMATTED_VALUE", **query})
        assert response.ok, response.text
        return response.json().get("values", [])

    def write(self, file_id: str, a1: str, values: Any, option: str = "RAW") -> Any:
        response = self.sheets("PUT", f"/{file_id}/values/{a1}", {"values": values}, valueInputOption=option)
        assert response.ok, response.text
        return response.json()


def refusal(response: Response) -> tuple[int, str, str]:
    """Status, Google's name of it, and the message; Drive's own refusals have no name."""
    error = response.json()["error"]
    assert error["code"] == response.status_code
    return response.status_code, error.get("status", ""), error["message"]
