"""What is exchanged is held against Google's schemas: shown by exchanges that aren't as those say."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import ValidationError

from sandbox import exchanges
from sandbox.recorder import Exchange
from tests.sandbox.checked import CheckedSandbox, Record, check_exchange
from tests.sandbox.client import Api

ROOT = Path(__file__).parents[2]
UPDATED = {"spreadsheetId": "x", "updatedRange": "Sheet1!A1", "updatedRows": 1}


def put(body: Any, answer: Any, query: str = "valueInputOption=RAW", status: int = 200) -> Exchange:
    path = "/v4/spreadsheets/x/values/Sheet1%21A1"
    return Exchange("PUT", path, query, json.dumps(body).encode(), status, json.dumps(answer).encode())


def test_what_google_describes_passes() -> None:
    check_exchange(put({"values": [["a", 1, None]]}, UPDATED))
    check_exchange(
        put({"oops": 1}, {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}, status=400)
    )


@pytest.mark.parametrize(
    "exchange",
    [
        put({"values": [["a"]], "oops": 1}, UPDATED),
        put({"values": "a"}, UPDATED),
        put({"values": [["a"]]}, {**UPDATED, "oops": 1}),
        put({"values": [["a"]]}, {**UPDATED, "updatedRows": "1"}),
        put({"majorDimension": "DIAGONALS"}, UPDATED),
        put({}, {"error": "no"}, status=400),
    ],
)
def test_what_it_does_not_describe_fails(exchange: Exchange) -> None:
    with pytest.raises(ValidationError):
        check_exchange(exchange)


def test_an_unknown_parameter_or_method_fails() -> None:
    with pytest.raises(AssertionError):
        check_exchange(put({}, UPDATED, "valueInputOption=RAW&oops=1"))
    with pytest.raises(AssertionError):
        check_exchange(Exchange("PUT", "/v4/spreadsheets/x/oops", "", b"", 200, b"{}"))


def test_a_sandbox_that_was_used_fails_where_it_ends() -> None:
    with CheckedSandbox() as sandbox:
        api = Api(sandbox)
        assert api.drive("GET", "about", fields="user").ok
        api.close()
        # A call is recorded once its answer has gone out: the client may have it first.
        until = time.monotonic() + 60
        while len(sandbox.exchanges) < 2 and time.monotonic() < until:
            sandbox.do(lambda _: None)
        assert [exchange.raw_path for exchange in sandbox.exchanges] == ["/token", "/drive/v3/about"]
        sandbox.check()
        assert sandbox.exchanges == []
        sandbox.exchanges.append(put({"values": [["a"]]}, {**UPDATED, "oops": 1}))
        with pytest.raises(ValidationError):
            sandbox.check()


def upload(body: bytes, answer: Any, query: str = "uploadType=multipart") -> Exchange:
    return Exchange("POST", "/upload/drive/v3/files", query, body, 200, json.dumps(answer).encode())


def two_parts(told: Any) -> bytes:
    return b"--x\r\nContent-Type: application/json\r\n\r\n" + json.dumps(told).encode() + b"\r\n--x\r\n\r\nx\r\n--x--"


def test_uploads_and_tokens_are_checked_too() -> None:
    check_exchange(upload(two_parts({"name": "x"}), {"id": "1"}))
    check_exchange(upload(b'{"name": "x"}', {}, "uploadType=resumable"))
    check_exchange(Exchange("PUT", "/upload/drive/v3/files/1", "uploadType=resumable&upload_id=2", b"x", 200, b"{}"))
    good = {"access_token": "ya29.x", "expires_in": 3599, "token_type": "Bearer"}
    form = b"grant_type=refresh_token&client_id=a&client_secret=b&refresh_token=c"
    check_exchange(Exchange("POST", "/token", "", form, 200, json.dumps(good).encode()))


@pytest.mark.parametrize(
    "exchange",
    [
        upload(two_parts({"nam": "x"}), {"id": "1"}),
        upload(two_parts({"name": "x"}), {"id": 1}),
        upload(b"x", {}, "uploadType=media&oops=1"),
        upload(b'{"nam": "x"}', {}, "uploadType=resumable"),
        Exchange("POST", "/token", "", b"grant_type=refresh_token", 200, b"{}"),
        Exchange("POST", "/token", "", b"", 400, b'{"error": {"code": 400}}'),
        Exchange("POST", "/revoke", "", b"", 200, b"{}"),
    ],
)
def test_uploads_and_tokens_that_are_wrong_fail(exchange: Exchange) -> None:
    with pytest.raises((ValidationError, AssertionError)):
        check_exchange(exchange)


PROGRAM = """
from sandbox.server import Sandbox
from tests.sandbox.client import Api

with Sandbox() as sandbox:
    Api(sandbox).drive("GET", "about", fields="user")
"""


def batch(answer: str) -> Exchange:
    call = part("x", "<1>", "GET /drive/v3/about?fields=user HTTP/1.1\r\n\r\n")
    return Exchange(
        "POST", "/batch/drive/v3", "", call, 200, part("y", "<response-1>", f"HTTP/1.1 200 OK\r\n\r\n{answer}")
    )


def part(boundary: str, name: str, message: str) -> bytes:
    head = f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {name}\r\n\r\n"
    return f"{head}{message}\r\n--{boundary}--".encode()


def test_each_call_of_a_batch_is_checked() -> None:
    check_exchange(batch('{"kind": "drive#about"}'))
    with pytest.raises(ValidationError):
        check_exchange(batch('{"oops": 1}'))


def test_a_sandbox_in_a_process_of_its_own_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes down what is exchanged, since the environment of our tests says so."""
    path = tmp_path / "exchanges"
    monkeypatch.setenv(exchanges.VARIABLE, str(path))
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, timeout=60)
    written = [exchange for exchange, _ in exchanges.read(path)]
    assert [exchange.raw_path for exchange in written] == ["/token", "/drive/v3/about"]
    kept = Record(path)
    kept.check()
    path.write_bytes(path.read_bytes().replace(b'"GET"', b'"PUT"'))
    with pytest.raises(AssertionError, match="Google has no method PUT"):
        Record(path).check()
    with path.open("ab") as half:
        half.write(b'{"method":')
    kept.check()
