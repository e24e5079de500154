"""What google-auth's clients do with tokens: refresh, expiry, scopes, revocation; for people and service accounts."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials
from requests import Session

from sandbox.accounts import SCOPES
from sandbox.clients import Redirected
from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.test_access import Clock, sheet

PERSON = "grace@example.com"
READONLY = f"{SCOPES[0]}.readonly"


def consent(sandbox: Sandbox, *scopes: str) -> dict[str, Any]:
    """The file of a program that a person has just let in."""
    body = {"email": PERSON, "type": "authorized_user", "scopes": list(scopes)}
    answer = httpx.post(f"{sandbox.url}/_sandbox/accounts", json=body, **LOOPBACK)
    assert answer.status_code == 201
    return dict(answer.json())


def credentials(info: dict[str, Any]) -> Any:
    return Credentials(  # type: ignore[no-untyped-call]
        None,
        refresh_token=info["refresh_token"],
        token_uri=info["token_uri"],
        client_id=info["client_id"],
        client_secret=info["client_secret"],
        scopes=info["scopes"],
    )


def refresh(info: dict[str, Any], **changes: str) -> httpx.Response:
    names = ("client_id", "client_secret", "refresh_token")
    form = {"grant_type": "refresh_token", **{name: info[name] for name in names}, **changes}
    return httpx.post(info["token_uri"], data=form, **LOOPBACK)


def revoke(sandbox: Sandbox, token: str) -> httpx.Response:
    return httpx.post(f"{sandbox.url}/revoke", data={"token": token}, **LOOPBACK)


@pytest.fixture
def tokens() -> Iterator[Session]:
    with Session() as session:
        session.trust_env = False
        yield session


def test_a_person_is_asked_once_and_the_token_refreshed_when_it_expires(tokens: Session) -> None:
    clock = Clock()
    with CheckedSandbox(clock=clock) as sandbox:
        held = credentials(consent(sandbox))
        session = AuthorizedSession(held, auth_request=Request(tokens))  # type: ignore[no-untyped-call]
        session.trust_env = False
        session.mount("https://", Redirected(sandbox.url))
        url = "https://sheets.googleapis.com/v4/spreadsheets"
        made = session.request("POST", url, json={"properties": {"title": "Hers"}})  # type: ignore[no-untyped-call]
        first, path = held.token, f"{url}/{made.json()['spreadsheetId']}"
        clock.now += timedelta(minutes=61)
        assert sheet(sandbox, first).status_code == 401
        assert session.request("GET", path).status_code == 200  # type: ignore[no-untyped-call]
        assert held.token != first, "google-auth answers a 401 with a refresh"
        session.close()  # type: ignore[no-untyped-call]


def test_what_the_endpoint_answers(sandbox: Sandbox) -> None:
    info = consent(sandbox)
    answer = refresh(info).json()
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 3599, " ".join(SCOPES))
    assert refresh(info, scope=SCOPES[1]).json()["scope"] == SCOPES[1]


@pytest.mark.parametrize(
    ("changes", "status", "error", "description"),
    [
        ({"refresh_token": "1//no"}, 400, "invalid_grant", "Bad Request"),
        ({"refresh_token": ""}, 400, "invalid_request", "Missing required parameter: refresh_token"),
        ({"client_id": "nobody"}, 401, "invalid_client", "The OAuth client was not found."),
        ({"client_secret": "no"}, 401, "invalid_client", "Unauthorized"),
        ({"scope": "https://www.googleapis.com/auth/calendar"}, 400, "invalid_scope", "Bad Request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "Invalid grant_type: password"),
    ],
)
def test_refreshes_that_are_refused(
    sandbox: Sandbox, changes: dict[str, str], status: int, error: str, description: str
) -> None:
    answer = refresh(consent(sandbox), **changes)
    assert (answer.status_code, answer.json()) == (status, {"error": error, "error_description": description})


def test_another_programs_refresh_token_is_worth_nothing(sandbox: Sandbox) -> None:
    mine, other = consent(sandbox), consent(sandbox)
    assert refresh(mine, refresh_token=other["refresh_token"]).json()["error_description"] == "Bad Request"


@pytest.mark.parametrize("by", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(sandbox: Sandbox, tokens: Session, by: str) -> None:
    info = consent(sandbox)
    access = refresh(info).json()["access_token"]
    assert sheet(sandbox, access).status_code == 403, "it isn't hers"
    answer = revoke(sandbox, access if by == "access_token" else info["refresh_token"])
    assert (answer.status_code, answer.json()) == (200, {})
    assert sheet(sandbox, access).status_code == 401
    with pytest.raises(RefreshError, match=r"invalid_grant: Token has been expired or revoked\."):
        credentials(info).refresh(Request(tokens))
    again = revoke(sandbox, info["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    missing = httpx.post(f"{sandbox.url}/revoke", **LOOPBACK)
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


def test_a_person_withdraws_what_they_allowed(sandbox: Sandbox) -> None:
    info = consent(sandbox)
    control = f"{sandbox.url}/_sandbox/revoke"
    assert httpx.post(control, json={"email": PERSON}, **LOOPBACK).status_code == 200
    assert refresh(info).json()["error_description"] == "Token has been expired or revoked."


def test_a_consent_outlives_the_process(tmp_path: Path) -> None:
    with CheckedSandbox(tmp_path / "data") as sandbox:
        info = consent(sandbox)
    with CheckedSandbox(tmp_path / "data") as sandbox:
        assert refresh({**info, "token_uri": f"{sandbox.url}/token"}).status_code == 200


def test_scopes_are_held_to(sandbox: Sandbox) -> None:
    access = refresh(consent(sandbox, READONLY)).json()["access_token"]
    assert sheet(sandbox, access).json()["error"]["message"] == "The caller does not have permission"
    url = f"{sandbox.url}/v4/spreadsheets/{SPREADSHEET_ID}/values/A1:clear"
    headers = {"Authorization": f"Bearer {access}"}
    refused = httpx.post(url, headers=headers, **LOOPBACK)
    error = refused.json()["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"] == "Request had insufficient authentication scopes."
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert error["details"][0]["metadata"]["method"] == "google.apps.sheets.v4.SpreadsheetsService.ClearValues"
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    drive = httpx.get(f"{sandbox.url}/drive/v3/files", headers=headers, **LOOPBACK).json()["error"]
    assert (drive["code"], drive["errors"][0]["reason"]) == (403, "insufficientPermissions")
    body = {"email": PERSON, "type": "authorized_user", "scopes": ["everything"]}
    assert httpx.post(f"{sandbox.url}/_sandbox/accounts", json=body, **LOOPBACK).status_code == 400
