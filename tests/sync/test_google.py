"""Calls to Google: what is tried again, what is said when it can't be done, and that nothing hangs."""

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth.exceptions import DefaultCredentialsError
from gspread.urls import DRIVE_FILES_API_V3_URL

from db.errors import BadUserInput, SourceUnreachable
from sync.breaker import CircuitOpen
from sync.daemon_threads import DaemonThreads
from sync.google.credentials import ServiceAccount
from sync.google.errors import explain
from sync.google.quota import CallKind
from sync.google.session import GoogleSession
from sync.retry import RetryPolicy, gave_up
from sync.sheets.calls import fetch_workbook
from tests.sandbox.checked import CheckedSandbox
from tests.sandbox.client import session_for
from tests.sync.sheets import Bench, allow, bench, make_session

READ = r"GET /v4/spreadsheets/[^/]*$"
STRANGER = "stranger@rowcast-sandbox.iam.gserviceaccount.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ACCOUNT = ServiceAccount("a@b.c", "project", {}, KEY, "put it there")


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


async def title(session: GoogleSession, book: str) -> tuple[str, int]:
    workbook, calls = await session.read(CallKind.READ, lambda client: fetch_workbook(client, book), allow)
    return workbook.title, calls


@pytest.mark.parametrize(
    "fault",
    [{"status": 429}, {"status": 500}, {"status": 503, "times": 3}, {"drop": True}, {"status": 408}],
)
async def test_reads_are_tried_again(people: Bench, fault: dict[str, object]) -> None:
    people.fault(READ, **fault)
    assert await title(people.session, people.book) == ("People", 1 + int(str(fault.get("times", 1))))


async def test_reads_give_up_with_the_reason() -> None:
    waits: list[float] = []

    async def count(seconds: float) -> None:
        waits.append(seconds)

    with bench(sleep=count, retry=RetryPolicy(attempts=4, base_s=1, cap_s=3)) as people:
        people.fault(READ, status=500, times=99)
        with pytest.raises(SourceUnreachable, match=r"Google answered 500.*Gave up after 4 attempts"):
            await title(people.session, people.book)
    assert len(waits) == 3
    assert all(0 <= wait <= 3 for wait in waits)


async def test_a_call_that_hangs_times_out() -> None:
    with bench(timeout_s=0.2, retry=RetryPolicy(attempts=1)) as people:
        people.fault(READ, delaySeconds=5)
        with pytest.raises(SourceUnreachable, match="did not answer in time"):
            await title(people.session, people.book)


async def test_repeated_failures_open_the_circuit_and_one_probe_closes_it() -> None:
    now = [0.0]
    with bench(clock=lambda: now[0], retry=RetryPolicy(attempts=4)) as people:
        people.fault(READ, status=503, times=9)
        for match in ("Gave up after 4", "Gave up|No call is made"):
            with pytest.raises(SourceUnreachable, match=match):
                await title(people.session, people.book)
        people.calls()
        for _ in range(5):
            with pytest.raises(CircuitOpen, match=r"Google answered 503.*No call is made until"):
                await title(people.session, people.book)
        assert people.calls() == []
        now[0] += 6
        with pytest.raises(CircuitOpen):
            await title(people.session, people.book)
        assert len(people.calls()) == 1, "the probe failed, and was not made again"
        now[0] += 20
        assert await title(people.session, people.book) == ("People", 1)


async def test_no_server_at_all() -> None:
    with CheckedSandbox() as sandbox:
        session = make_session(sandbox, retry=RetryPolicy(attempts=2))
        book = sandbox.workbook_id("Gone")
        assert (await title(session, book))[0] == "Gone"
    with pytest.raises(SourceUnreachable, match=r"connection to Google failed.*2 attempts"):
        await title(session, book)
    session.close()


async def test_no_token_endpoint() -> None:
    with CheckedSandbox() as sandbox:
        session = make_session(sandbox, retry=RetryPolicy(attempts=1))
        book = sandbox.workbook_id("Gone")
    with pytest.raises(SourceUnreachable, match="token endpoint could not be reached"):
        await title(session, book)
    session.close()


async def test_an_unshared_spreadsheet_says_with_whom_to_share_it(people: Bench) -> None:
    people.sandbox.service_account_info(STRANGER)
    session = make_session(people.sandbox, email=STRANGER)
    people.calls()
    with pytest.raises(SourceUnreachable, match=f"not shared with {STRANGER}.*as Editor"):
        await title(session, people.book)
    assert len(people.calls()) == 1
    session.close()


async def test_an_unknown_spreadsheet_says_to_check_the_id(people: Bench) -> None:
    with pytest.raises(SourceUnreachable, match=r"no spreadsheet of that id.*check the id"):
        await title(people.session, "no-such-spreadsheet-id")


async def test_a_revoked_key_says_to_make_a_new_one(people: Bench) -> None:
    # Another account's key: its signature is none of the one that the file names.
    theirs = people.sandbox.service_account_info(STRANGER)
    ours = people.sandbox.service_account_info()
    forged = json.dumps({**ours, "private_key": theirs["private_key"]})
    session = GoogleSession(ServiceAccount.parse(forged), api_url=people.sandbox.url)
    with pytest.raises(SourceUnreachable, match=r"refused the key of .*Create a new key"):
        await title(session, people.book)
    session.close()


async def test_a_trashed_spreadsheet_says_to_restore_it(people: Bench) -> None:
    # By somebody who may: our own scopes let us read what Drive says of a file, and no more.
    url = f"{DRIVE_FILES_API_V3_URL}/{people.book}"
    with session_for(people.sandbox) as theirs:
        theirs.patch(url, json={"trashed": True}).raise_for_status()
    with pytest.raises(SourceUnreachable, match="in the trash: restore it"):
        await people.adapter().read()


async def test_a_fault_of_ours_is_not_taken_for_googles(people: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        await people.session.attempt(CallKind.READ, lambda _: 1 / 0, allow)


def answer(status: int, error: object, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.reason = "Reason"
    response._content = json.dumps({"error": error}).encode()
    response.headers.update(headers)
    return response


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (403, {"code": 403, "message": "m", "details": [{"reason": "SERVICE_DISABLED"}]}, "API is not enabled"),
        (403, {"code": 403, "message": "m", "errors": [{"reason": "accessNotConfigured"}]}, "API is not enabled"),
        (403, {"code": 403, "message": "m", "errors": [{"reason": "rateLimitExceeded"}]}, "account is used up"),
        (429, {"code": 429, "message": "m", "details": [{"metadata": {"quota_limit": "XPerProject"}}]}, "the project"),
        (401, {"code": 401, "message": "m"}, "refused the credential of a@b.c: its key was revoked or deleted. Create"),
        (400, {"code": 400, "message": "Invalid value"}, "refused the request: Invalid value"),
        (400, {"code": 400, "message": "Unable to parse range: X"}, "not in the spreadsheet any more"),
        (418, {"code": 418, "message": ""}, "answered 418: Reason"),
    ],
)
def test_answers_are_explained(status: int, error: object, message: str) -> None:
    from gspread.exceptions import APIError

    explained = explain(APIError(answer(status, error)), ACCOUNT)
    assert message in str(explained)


def test_retry_after_is_kept() -> None:
    from gspread.exceptions import APIError

    from sync.google.errors import GoogleBusy

    busy = explain(APIError(answer(429, {"code": 429, "message": "m"}, **{"Retry-After": "12"})), ACCOUNT)
    assert isinstance(busy, GoogleBusy)
    assert (busy.retry_after_s, busy.unsent, busy.over) == (12.0, True, True)
    late = explain(APIError(answer(504, {"code": 504, "message": "m"}, **{"Retry-After": "soon"})), ACCOUNT)
    assert isinstance(late, GoogleBusy)
    assert (late.retry_after_s, late.unsent, late.over) == (None, False, False)


def test_other_errors_of_the_credential_and_the_connection() -> None:
    assert "can't be used" in str(explain(DefaultCredentialsError("odd"), ACCOUNT))  # type: ignore[no-untyped-call]
    assert "no connection in time" in str(explain(requests.exceptions.ConnectTimeout(), ACCOUNT))
    with pytest.raises(KeyError):
        explain(KeyError("ours"), ACCOUNT)


def test_full_jitter_is_capped_and_ends() -> None:
    policy = RetryPolicy(attempts=5, base_s=1, cap_s=4)
    rng = random.Random(1)
    for failed in range(1, 5):
        delays = [policy.delay(failed, rng) for _ in range(200)]
        assert all(delay is not None and 0 <= delay <= min(4, 2**failed) for delay in delays)
    assert policy.delay(5, rng) is None
    assert policy.delay(1, rng, retry_after_s=3.5) >= 3.5  # type: ignore[operator]
    assert policy.delay(1, rng, retry_after_s=100) is None, "nobody comes sooner than the server asks"


def test_the_next_run_comes_no_sooner_than_the_server_asks_but_within_an_hour() -> None:
    error = gave_up(SourceUnreachable("It is busy."), 1, 120.0)
    assert error.rest_s == 120
    assert str(error) == (
        "It is busy. Gave up after 1 attempt; the next run tries again by itself, after the 120 s that it was asked to"
        " wait."
    )
    assert gave_up(SourceUnreachable("It is busy."), 1, 1e9).rest_s == 3600
    assert gave_up(SourceUnreachable("It is busy."), 6, None).rest_s == 0


async def test_threads_are_bounded_and_reused() -> None:
    threads = DaemonThreads(2, "test")
    barrier = threading.Barrier(2)
    names = await asyncio.gather(
        *(threads.run(lambda: (barrier.wait(), threading.current_thread().name)[1]) for _ in range(6))
    )
    assert set(names) == {"test-0", "test-1"}
    assert all(thread.daemon for thread in threading.enumerate() if thread.name in names)
    threads.close()
    with pytest.raises(RuntimeError, match="closed"):
        await threads.run(lambda: None)


async def test_a_cancelled_call_that_no_thread_took_is_never_made() -> None:
    threads = DaemonThreads(1, "test")
    begun, go_on = threading.Event(), threading.Event()
    made: list[str] = []

    def wait() -> None:
        begun.set()
        go_on.wait()
        made.append("first")

    first = asyncio.create_task(threads.run(wait))
    await asyncio.to_thread(begun.wait)
    second = asyncio.create_task(threads.run(lambda: made.append("second")))
    third = asyncio.create_task(threads.run(lambda: made.append("third")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait({second})
    go_on.set()
    await asyncio.gather(first, third)
    assert made == ["first", "third"]
    threads.close()


def test_credentials_are_a_path_or_the_json(tmp_path: Path) -> None:
    with CheckedSandbox() as sandbox:
        info = sandbox.service_account_info()
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    text = json.dumps(info)
    file = tmp_path / "key.json"
    file.write_text(text)
    assert ServiceAccount.load(text).email == ServiceAccount.load(str(file)).email == info["client_email"]
    assert info["private_key"] not in repr(ServiceAccount.load(text))
    for wrong, message in [
        ("{nonsense", "no JSON"),
        ('{"type": "authorized_user"}', "not those of a service account"),
        (json.dumps({**info, "token_uri": None}), "lack token_uri"),
        (json.dumps({**info, "private_key": "nonsense"}), "private key in the Google credentials can't be read"),
        (json.dumps({**info, "private_key": curve.decode()}), "not an RSA key"),
        (str(tmp_path / "none.json"), "none.json: The Google credentials can't be read"),
    ]:
        with pytest.raises(BadUserInput, match=message):
            ServiceAccount.load(wrong)
