"""Who may call the sandbox: programs and pages of this machine, and no page of another site."""

from collections.abc import Mapping

import httpx
import pytest

from sandbox.demo import SPREADSHEET_ID
from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.sandbox.client import Api

FOREIGN_HOSTS = (
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "0.0.0.0",
)
FOREIGN_ORIGINS = ("http://evil.example", "https://localhost.evil.example", "null", "file://", "http://[::1", "")


def call(sandbox: Sandbox, method: str, path: str, headers: Mapping[str, str], content: bytes = b"") -> httpx.Response:
    return httpx.request(method, f"{sandbox.url}{path}", headers=headers, content=content, **LOOPBACK)


def recorded(sandbox: Sandbox) -> int:
    return sandbox.do(lambda office: len(office.recorder.calls))


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "evil.example:8010", "localhost:port", ""])
@pytest.mark.parametrize("path", ["/", "/_sandbox/requests", f"/v4/spreadsheets/{SPREADSHEET_ID}", "/nowhere"])
def test_a_name_that_somebody_pointed_at_us_is_refused(sandbox: Sandbox, host: str, path: str) -> None:
    answer = call(sandbox, "GET", path, {"Host": host})
    assert answer.status_code == 403
    assert f"The host {host!r} is not the sandbox's" in answer.text
    assert recorded(sandbox) == 0


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8010", "localhost.:80", "127.0.0.1", "127.1.2.3:1", "[::1]:8"]
)
def test_loopback_names_are_ours(sandbox: Sandbox, host: str) -> None:
    assert call(sandbox, "GET", "/_sandbox/faults", {"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_sandbox/reset"),
        ("POST", "/_sandbox/accounts"),
        ("PUT", "/_sandbox/feeds/orders"),
        ("DELETE", "/_sandbox/requests"),
        ("OPTIONS", "/_sandbox/triggers"),
        ("GET", "/_sandbox/triggers"),
        ("POST", f"/spreadsheets/d/{SPREADSHEET_ID}/actions/type"),
        ("POST", "/token"),
    ],
)
def test_a_page_of_another_site_is_refused(
    sandbox: Sandbox, api: Api, file_id: str, origin: str, method: str, path: str
) -> None:
    answer = call(sandbox, method, path, {"Origin": origin})
    assert answer.status_code == 403
    assert f"Pages of the origin {origin!r} may not call the sandbox" in answer.text
    assert "access-control-allow-origin" not in answer.headers
    # Nothing of it was carried out: not even the reset, which would have removed the file.
    assert api.sheets("GET", f"/{file_id}").status_code == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://localhost:5173", "https://[::1]"])
def test_pages_of_this_machine_may_call(sandbox: Sandbox, origin: str) -> None:
    assert call(sandbox, "POST", "/_sandbox/reset", {"Origin": origin}).status_code == 204


def test_another_site_may_lead_here_and_not_embed(sandbox: Sandbox) -> None:
    for mode, status in (("no-cors", 403), ("cors", 403), ("navigate", 200)):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        assert call(sandbox, "GET", "/", headers).status_code == status
    assert call(sandbox, "GET", "/", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}).status_code == 200


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "text/plain;application/json", "application/x-www-form-urlencoded"]
)
def test_a_body_must_say_that_it_is_json(sandbox: Sandbox, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    for path in ("faults", "edit", "quota", "accounts", "triggers", "reset"):
        answer = call(sandbox, "POST", f"/_sandbox/{path}", headers, b'{"email": "new@example.com"}')
        assert (answer.status_code, answer.json()) == (415, {"error": "The content type must be application/json."})


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_json_with_its_parameters(sandbox: Sandbox, kind: str) -> None:
    body = b'{"email": "new@example.com"}'
    assert call(sandbox, "POST", "/_sandbox/accounts", {"Content-Type": kind}, body).status_code == 201


def test_a_feed_keeps_its_type_unless_any_page_could_send_it(sandbox: Sandbox) -> None:
    for kind in ("text/csv; charset=utf-8", "application/xml"):
        assert call(sandbox, "PUT", "/_sandbox/feeds/f", {"Content-Type": kind}, b"a,b").status_code == 204
        assert call(sandbox, "GET", "/_sandbox/feeds/f", {}).headers["content-type"] == kind
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        answer = call(sandbox, "PUT", "/_sandbox/feeds/f", {"Content-Type": kind}, b"lost")
        assert answer.status_code == 415
        assert "A feed's content type must be its document's" in answer.json()["error"]
    assert call(sandbox, "GET", "/_sandbox/feeds/f", {}).content == b"a,b"
