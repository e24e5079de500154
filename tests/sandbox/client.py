"""gspread against a sandbox, and bare calls."""

from typing import Any

import gspread
from google.auth.transport.requests import AuthorizedSession
from requests import Response

from sandbox.accounts import DEMO_ACCOUNT
from sandbox.clients import session
from sandbox.server import Sandbox


def session_for(sandbox: Sandbox, email: str = DEMO_ACCOUNT) -> AuthorizedSession:
    """An authorised session; its paths are Google's, as in `https://sheets.googleapis.com/v4/spreadsheets`."""
    return session(sandbox.url, sandbox.service_account_info(email))


def client_for(sandbox: Sandbox, email: str = DEMO_ACCOUNT) -> gspread.Client:
    authorized = session_for(sandbox, email)
    client = gspread.Client(authorized.credentials, session=authorized)
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
