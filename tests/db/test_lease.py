"""The lease: one leader, a term that grows, and nothing committed by whoever was passed over."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from db.embedded import EmbeddedPostgres
from db.errors import LeadershipLost
from db.lease import Lease, Term
from db.session import connect
from tests.replication.leader import DEADLINE_S, execute, holder_name, lead, stop, until, value

ROOT = Path(__file__).parents[2]


async def test_terms_grow_and_a_lease_that_was_handed_back_is_free_at_once(database: str) -> None:
    first, task = await lead(database, ttl=1000)
    first.check()
    await stop(task)
    with pytest.raises(LeadershipLost):
        first.check()
    second, task = await lead(database, ttl=1000)
    assert second.number == first.number + 1
    assert second.previous == ""
    await stop(task)


async def test_one_leads_at_a_time_and_the_next_one_follows(database: str) -> None:
    first, leading = await lead(database, ttl=1.5)
    second = asyncio.create_task(lead(database, ttl=1.5))
    # Longer than a time to live: renewed, the first one stays.
    await until(lambda: expires_after(database, first))
    first.check()
    assert not second.done()
    await stop(leading)
    term, leading = await second
    assert term.number == first.number + 1
    await stop(leading)


async def expires_after(dsn: str, term: Term) -> bool:
    return bool(await value(dsn, "SELECT clock_timestamp() > acquired_at + interval '2 seconds' FROM rowcast.lease"))


async def test_takeover_ends_the_sessions_of_a_holder_that_no_longer_renews(database: str) -> None:
    holder = holder_name()
    async with await connect(database, holder) as old:
        await execute(
            database,
            "UPDATE rowcast.lease SET term = 7, "
            f"holder = '{holder}', acquired_at = clock_timestamp(), expires_at = clock_timestamp()",
        )
        async with old.transaction():
            stale = Term(7, holder, "", float("inf"))
            await stale.fence(old)
            term, leading = await lead(database)
            assert (term.number, term.previous) == (8, holder)
            with pytest.raises(psycopg.OperationalError):
                await old.execute("SELECT 1")
    async with await connect(database, holder, autocommit=False) as again:
        with pytest.raises(LeadershipLost, match="term 7"):
            await stale.fence(again)
    with pytest.raises(LeadershipLost):
        stale.check()
    await stop(leading)


async def test_a_fenced_transaction_does_not_keep_its_own_leader_from_renewing(database: str) -> None:
    term, leading = await lead(database, ttl=1.0)
    async with await connect(database, term.holder) as connection, connection.transaction():
        await term.fence(connection)
        before = term.deadline

        async def renewed_twice() -> bool:
            return term.deadline > before + 0.5

        await until(renewed_twice)
        await connection.execute("SELECT 1")
    await stop(leading)


async def test_a_leader_that_lost_its_term_is_cancelled_and_seeks_again(database: str) -> None:
    terms: list[int] = []
    cancelled = asyncio.Event()

    async def work(term: Term) -> None:
        terms.append(term.number)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    leading = asyncio.create_task(Lease(database, holder_name(), 0.6).run(work))

    async def led(times: int) -> bool:
        return len(terms) >= times

    await until(lambda: led(1))
    await execute(database, "UPDATE rowcast.lease SET term = term + 1, holder = 'somebody else'")
    async with asyncio.timeout(DEADLINE_S):
        await cancelled.wait()
    # Somebody else does not renew either.
    await until(lambda: led(2))
    assert terms[1] == terms[0] + 2
    await stop(leading)


@pytest.mark.parametrize("grouped", [False, True])
async def test_an_error_of_the_work_ends_the_lease_but_a_lost_term_seeks_again(database: str, grouped: bool) -> None:
    terms: list[int] = []

    async def work(term: Term) -> None:
        terms.append(term.number)
        error: Exception = LeadershipLost("noticed at work") if len(terms) == 1 else KeyError("a bug")
        raise ExceptionGroup("tasks", [error]) if grouped else error

    with pytest.raises(ExceptionGroup if grouped else KeyError):
        await Lease(database, holder_name(), 5).run(work)
    assert len(terms) == 2
    assert await value(database, "SELECT holder FROM rowcast.lease") == ""


async def test_work_that_comes_to_its_end_ends_the_lease(database: str) -> None:
    async def work(term: Term) -> None:
        term.check()

    await Lease(database, holder_name()).run(work)


@pytest.mark.parametrize("holder", ["", "é" * 32])
def test_a_name_that_postgres_would_cut_is_refused(holder: str) -> None:
    with pytest.raises(ValueError, match="63 bytes"):
        Lease("", holder)


async def test_a_stopped_leader_that_wakes_commits_nothing_and_calls_nothing(database: str) -> None:
    await execute(database, "CREATE TABLE written (term bigint)")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests/db/leading_process.py"),
        database,
        holder_name(),
        "1",
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            assert await process.stdout.readline() == b"wrote in term 1\n"
            process.send_signal(signal.SIGSTOP)
            term, leading = await lead(database)
            assert term.number == 2
            process.stdin.write(b"\n")
            process.send_signal(signal.SIGCONT)
            said = (await process.stdout.read()).decode().splitlines()
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert said == ["woke", "could not commit", "calls nothing", "fenced out"]
    assert await value(database, "SELECT count(*) FROM written") == 0
    await stop(leading)


async def test_leads_on_through_a_restart_of_postgres(own_postgres: EmbeddedPostgres) -> None:
    term, leading = await lead(own_postgres.dsn, ttl=9)
    before = term.deadline
    await asyncio.to_thread(own_postgres.kill)
    await asyncio.to_thread(own_postgres.start)

    async def renewed() -> bool:
        return term.deadline > before + 1

    await until(renewed)
    assert not leading.done()
    assert await value(own_postgres.dsn, "SELECT term FROM rowcast.lease") == term.number
    await stop(leading)


async def test_seeks_until_postgres_is_there(own_postgres: EmbeddedPostgres) -> None:
    await asyncio.to_thread(own_postgres.stop)
    seeking = asyncio.create_task(lead(own_postgres.dsn, ttl=1))
    await asyncio.to_thread(own_postgres.start)
    _, leading = await seeking
    await stop(leading)
