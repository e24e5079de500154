"""Tokens and sharing: who may call, who may read and write, and how a refusal is worded."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from google.auth import crypt, jwt

from sandbox.accounts import DEMO_ACCOUNT, SCOPES
from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.client import Api, refusal

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def assertion(info: dict[str, str], **changes: object) -> str:
    now = int(time.time())
    claims = {"iss": info["client_email"], "aud": info["token_uri"], "iat": now, "exp": now + 3600, "scope": SCOPES[0]}
    signer = crypt.RSASigner.from_service_account_info(info)  # type: ignore[no-untyped-call]
    token: bytes = jwt.encode(signer, {**claims, **changes})  # type: ignore[no-untyped-call]
    return token.decode()


def ask(sandbox: Sandbox, text: str, grant: str = GRANT) -> httpx.Response:
    return httpx.post(f"{sandbox.url}/token", data={"grant_type": grant, "assertion": text}, **LOOPBACK)


def sheet(sandbox: Sandbox, token: str) -> httpx.Response:
    url = f"{sandbox.url}/v4/spreadsheets/{SPREADSHEET_ID}"
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, **LOOPBACK)


def test_a_signed_assertion_gives_a_token(sandbox: Sandbox) -> None:
    answer = ask(sandbox, assertion(sandbox.service_account_info()))
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert sheet(sandbox, answer.json()["access_token"]).status_code == 200


def test_the_scope_of_the_older_api_is_taken(sandbox: Sandbox) -> None:
    """gspread's own tests ask for it."""
    info = sandbox.service_account_info()
    token = ask(sandbox, assertion(info, scope="https://spreadsheets.google.com/feeds")).json()["access_token"]
    assert sheet(sandbox, token).status_code == 200
    refused = ask(sandbox, assertion(info, scope="everything"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


def test_assertions_that_are_refused(sandbox: Sandbox) -> None:
    info = sandbox.service_account_info()
    other = sandbox.service_account_info("other@example.com")
    now = int(time.time())
    for text, description in (
        (assertion(info, iss="nobody@example.com"), "account not found"),
        (assertion({**other, "client_email": DEMO_ACCOUNT}), "Invalid JWT Signature."),
        (assertion(info, aud="https://example.com"), "audience"),
        (assertion(info, iat=now - 7200, exp=now - 3600), "reasonable timeframe"),
        (assertion(info, exp=now + 7200), "short-lived token"),
        (assertion(info, exp="soon"), "short-lived token"),
        ("a.b.c", "Bad JWT"),
        ("", "Bad JWT"),
    ):
        answer = ask(sandbox, text)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_grant"
        assert description in answer.json()["error_description"]
    assert ask(sandbox, "x", grant="password").json()["error"] == "unsupported_grant_type"


def test_missing_wrong_and_expired_tokens() -> None:
    clock = Clock()
    with CheckedSandbox(clock=clock) as sandbox:
        url = f"{sandbox.url}/v4/spreadsheets/{SPREADSHEET_ID}"
        missing = httpx.get(url, **LOOPBACK).json()["error"]
        assert (missing["code"], missing["status"]) == (403, "PERMISSION_DENIED")
        assert missing["message"].startswith("Method doesn't allow unregistered callers")
        unsigned = httpx.post(f"{url}:batchUpdate", json={}, **LOOPBACK).json()["error"]
        assert (unsigned["code"], unsigned["status"]) == (401, "UNAUTHENTICATED")
        assert unsigned["message"].startswith("Request is missing required authentication credential.")
        wrong = sheet(sandbox, "ya29.wrong").json()["error"]
        assert (wrong["code"], wrong["status"]) == (401, "UNAUTHENTICATED")
        assert wrong["message"].startswith("Request had invalid authentication credentials.")
        token = ask(sandbox, assertion(sandbox.service_account_info())).json()["access_token"]
        assert sheet(sandbox, token).status_code == 200
        clock.now += timedelta(minutes=61)
        assert sheet(sandbox, token).status_code == 401
        drive = httpx.get(f"{sandbox.url}/drive/v3/files", **LOOPBACK).json()["error"]
        assert (drive["status"], drive["errors"][0]["reason"]) == ("PERMISSION_DENIED", "forbidden")
        headers = {"Authorization": f"Bearer {token}"}
        expired = httpx.get(f"{sandbox.url}/drive/v3/files", headers=headers, **LOOPBACK).json()["error"]
        assert expired["status"] == "UNAUTHENTICATED"
        assert expired["errors"] == [
            {
                "message": "Invalid Credentials",
                "domain": "global",
                "reason": "authError",
                "location": "Authorization",
                "locationType": "header",
            }
        ]


def test_unknown_unshared_and_read_only(sandbox: Sandbox, api: Api, file_id: str) -> None:
    unknown = refusal(api.sheets("GET", "/no-such-id"))
    assert unknown == (404, "NOT_FOUND", "Requested entity was not found.")
    other = Api(sandbox, "other@example.com")
    refused = (403, "PERMISSION_DENIED", "The caller does not have permission")
    assert refusal(other.sheets("GET", f"/{file_id}")) == refused
    assert refusal(other.drive("GET", f"files/{file_id}"))[2] == f"File not found: {file_id}."
    share = {"type": "domain", "role": "reader", "domain": "example.com"}
    assert api.drive("POST", f"files/{file_id}/permissions", share).ok
    assert other.read(file_id, "A1") == []
    body = {"values": [[1]]}
    assert refusal(other.sheets("PUT", f"/{file_id}/values/A1", body, valueInputOption="RAW")) == refused
    assert refusal(other.drive("PATCH", f"files/{file_id}", {"name": "x"}))[0] == 403
    assert refusal(other.drive("DELETE", f"files/{file_id}"))[2] == (
        "The user does not have sufficient permissions for this file."
    )
    other.close()


def test_copying_a_sheet_needs_rights_on_both_files(sandbox: Sandbox, api: Api, file_id: str) -> None:
    other = Api(sandbox, "other@example.com")
    target = other.sheets("POST", "", {}).json()["spreadsheetId"]
    body = {"destinationSpreadsheetId": target}
    assert refusal(api.sheets("POST", f"/{file_id}/sheets/0:copyTo", body))[0] == 403
    assert refusal(api.sheets("POST", f"/{file_id}/sheets/0:copyTo", {"destinationSpreadsheetId": "x"}))[0] == 404
    assert refusal(api.sheets("POST", f"/{file_id}/sheets/x:copyTo", {"destinationSpreadsheetId": file_id}))[0] == 400
    other.close()


def test_anyone_with_the_link(sandbox: Sandbox, api: Api, file_id: str) -> None:
    assert api.drive("POST", f"files/{file_id}/permissions", {"type": "anyone", "role": "writer"}).ok
    other = Api(sandbox, "other@example.com")
    other.write(file_id, "A1", [["x"]])
    assert api.drive("DELETE", f"files/{file_id}/permissions/anyoneWithLink").status_code == 204
    assert refusal(other.sheets("GET", f"/{file_id}"))[0] == 403
    other.close()


@pytest.mark.parametrize(
    ("quota", "reads", "writes"), [({"reads": 2, "writes": 1}, 2, 1), ({"reads": 0, "writes": 3}, 0, 3)]
)
def test_quota(quota: dict[str, int], reads: int, writes: int) -> None:
    clock = Clock()
    with CheckedSandbox(clock=clock) as sandbox:
        api = Api(sandbox)
        file_id = api.sheets("POST", "", {}).json()["spreadsheetId"]
        control = f"{sandbox.url}/_sandbox/quota"
        assert httpx.post(control, json={**quota, "perSeconds": 60}, **LOOPBACK).status_code == 200
        for _ in range(2):
            for _ in range(reads):
                assert api.read(file_id, "A1") == []
            for _ in range(writes):
                api.write(file_id, "B1", [[]])
            refused = api.sheets("GET", f"/{file_id}/values/A1")
            assert refusal(refused)[:2] == (429, "RESOURCE_EXHAUSTED")
            assert refused.json()["error"]["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
            assert refused.json()["error"]["details"][0]["metadata"]["quota_limit_value"] == str(reads)
            assert "Write requests" in refusal(api.sheets("POST", f"/{file_id}/values/A1:clear"))[2]
            clock.now += timedelta(seconds=61)
        null = httpx.post(control, content="null", headers={"Content-Type": "application/json"}, **LOOPBACK)
        assert null.status_code == 200
        for _ in range(5):
            assert api.read(file_id, "A1") == []
        api.close()


def test_a_project_has_a_quota_of_its_own() -> None:
    with CheckedSandbox() as sandbox:
        limits = _limits(sandbox)
    per = [f"ReadRequestsPerMinutePer{whose}" for whose in ("User", "Project")]
    assert limits == [None, None, per[0], None, per[1]], "what is refused counts against nothing"


def _limits(sandbox: Sandbox) -> list[str | None]:
    accounts = [sandbox.service_account_info(email) for email in (DEMO_ACCOUNT, f"b@{DEMO_ACCOUNT.partition('@')[2]}")]
    tokens = [ask(sandbox, assertion(info)).json()["access_token"] for info in accounts]
    quota = {"reads": 2, "writes": 9, "perSeconds": 60, "projectReads": 3}
    assert httpx.post(f"{sandbox.url}/_sandbox/quota", json=quota, **LOOPBACK).json()["projectWrites"] is None
    limits = []
    for token in (tokens[0], tokens[0], tokens[0], tokens[1], tokens[1]):
        answer = sheet(sandbox, token)
        refused = answer.status_code == 429
        limits.append(answer.json()["error"]["details"][0]["metadata"]["quota_limit"] if refused else None)
    return limits


def test_a_revoked_key(sandbox: Sandbox) -> None:
    email = "revoked@example.com"
    info = sandbox.service_account_info(email)
    token = ask(sandbox, assertion(info)).json()["access_token"]
    assert sheet(sandbox, token).status_code == 403, "it isn't shared with the account"
    revoke = f"{sandbox.url}/_sandbox/revoke"
    assert httpx.post(revoke, json={"email": email}, **LOOPBACK).status_code == 200
    assert sheet(sandbox, token).status_code == 401
    assert ask(sandbox, assertion(info)).json() == {
        "error": "invalid_grant",
        "error_description": "Invalid JWT Signature.",
    }
    assert ask(sandbox, assertion(sandbox.service_account_info(email))).status_code == 200
    assert httpx.post(revoke, json={"email": "nobody@example.com"}, **LOOPBACK).status_code == 404


def test_reads_that_are_asked_for_in_a_body_are_reads() -> None:
    with CheckedSandbox() as sandbox:
        api = Api(sandbox)
        quota = {"reads": 9, "writes": 0, "perSeconds": 60}
        assert httpx.post(f"{sandbox.url}/_sandbox/quota", json=quota, **LOOPBACK).is_success
        filters = {"dataFilters": [{"a1Range": "A1"}]}
        for call in (":getByDataFilter", "/values:batchGetByDataFilter", "/developerMetadata:search"):
            assert api.sheets("POST", f"/{SPREADSHEET_ID}{call}", filters).ok
        assert api.sheets("POST", f"/{SPREADSHEET_ID}/values/A1:clear").status_code == 429
        api.close()
