"""How fast changes come out of Postgres: decoded to typed rows, and appended to the log and published.

`make bench-decoding`, or `python -m bench.decoding [changes]`. Half of the changes are inserts, half updates of a table
of five columns with REPLICA IDENTITY FULL, in commits of 1,000. Each reader takes them from a slot of its own, in a
process of its own: Postgres' `pg_recvlogical`, which writes them to a file undecoded; a plain loop in Python, which
takes the rows' texts; ours, which makes the log's entries of them; npm's pg-logical-replication, whose rows are objects
of JavaScript's, and PyPI's pgoutput-decoder, whose rows are dicts, where they are installed. The slow one reads once,
all others three times. The log is what a leader makes of the same changes.
"""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bench.live.peers import PEERS, Missing, installed, node, python_of, url
from bench.live.unmeasured import Unmeasured, unmeasured_line
from db.changes import Transaction
from db.embedded_home import packaged_binaries
from db.session import session_dsn
from replication.assembler import Assembler, LoggedTable, WantsKeys
from replication.messages import Keepalive
from replication.stream import walsender
from tests.postgres import Server, migrated_template, running_server
from tests.replication.leader import ORIGIN_KEY, bind, leading

CHANGES: Final = 400_000
_A_COMMIT: Final = 1_000
_ROUNDS: Final = 3
_READER_S: Final = 300.0
_NODE: Final = "Node"
_PYPI: Final = "pgoutput-decoder"
_LENGTH: Final = Struct("!I")
_READERS: Final = ("pg_recvlogical", "plain loop", "rowcast", _NODE, _PYPI)
_SLOW: Final = frozenset({_PYPI})


@dataclass(frozen=True, slots=True)
class Read:
    """One reader's run: changes a second, and the CPU time of its process for each, in microseconds."""

    rate: float
    cpu_us: float


def measure(changes: int = CHANGES) -> tuple[dict[str, Read], float, float]:
    """The readers' medians; the rows a second that a leader appends and publishes, and the MB that it grew by."""
    with running_server(None) as server, migrated_template(server) as template:
        return _readers(server, template, changes), *_log(server, template, changes)


def _readers(server: Server, template: str, changes: int) -> dict[str, Read]:
    dsn = server.create(template=template)
    asyncio.run(bind(dsn, "t", "id integer PRIMARY KEY, name text, qty integer, price numeric, at timestamptz"))
    readers = {reader: peer for reader in _READERS if (peer := _peer(reader)) is not None}
    names = [
        (reader, f"{place}_{round_}")
        for round_ in range(_ROUNDS)
        for place, reader in enumerate(readers)
        if not round_ or reader not in _SLOW
    ]
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _, slot in names:
            connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (f"bench_{slot}",))
        _write(connection, changes)
        (end,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone() or ("0/0",)
    found: dict[str, list[Read]] = {reader: [] for reader in readers}
    for reader, slot in names:
        try:
            command = (*readers[reader], *_arguments(reader, dsn, f"bench_{slot}", end, changes))
            found[reader].append(_timed(command, changes))
        except Unmeasured as why:
            print(unmeasured_line(reader, why), flush=True)
    server.drop(dsn)
    return {
        reader: Read(statistics.median(one.rate for one in runs), statistics.median(one.cpu_us for one in runs))
        for reader, runs in found.items()
        if runs
    }


def _write(connection: psycopg.Connection, changes: int) -> None:
    for first in range(0, changes // 2, _A_COMMIT):
        connection.execute(
            "INSERT INTO t SELECT n, 'name ' || n, n, n / 8.0, '2026-01-31 13:05:00+00'"
            " FROM generate_series(%s::integer, %s) n",
            (first, first + _A_COMMIT - 1),
        )
    for first in range(0, changes // 2, _A_COMMIT):
        connection.execute("UPDATE t SET qty = qty + 1 WHERE id BETWEEN %s AND %s", (first, first + _A_COMMIT - 1))


def _peer(reader: str) -> Sequence[str] | None:
    """The command that reads, or None and a line that says why there is none."""
    try:
        if reader == _NODE:
            return (node(20), str(installed("decoding") / "read.cjs"))
        if reader == _PYPI:
            return (python_of("pgoutput_decoder"), str(PEERS / "pgoutput_decoder" / "read.py"))
    except Missing as missing:
        print(unmeasured_line(reader, missing), flush=True)
        return None
    if reader == "pg_recvlogical":
        return (str(packaged_binaries() / reader),)
    return (sys.executable, "-m", "bench.decoding", reader)


def _arguments(reader: str, dsn: str, slot: str, end: str, changes: int) -> Sequence[str]:
    if reader != "pg_recvlogical":
        return (url(dsn) if reader in (_NODE, _PYPI) else dsn, slot, str(changes))
    parts = conninfo_to_dict(dsn)
    options = [
        ("-o", f"{name}={value}") for name, value in (("proto_version", "1"), ("publication_names", "rowcast_tables"))
    ]
    return (
        *("-d", make_conninfo("", **{**parts, "options": "-c extra_float_digits=1"})),
        *("--slot", slot, "--start", "--no-loop", "-F", "0", "--endpos", end, "-f", os.devnull),
        *(part for option in options for part in option),
    )


def _timed(command: Sequence[str], changes: int) -> Read:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    try:
        done = subprocess.run(  # noqa: S603 - a command of ours
            command, check=True, stdout=subprocess.PIPE, text=True, timeout=_READER_S
        )
    except subprocess.TimeoutExpired as error:
        raise Unmeasured(f"it was not over after {_READER_S:g} s") from error
    except subprocess.CalledProcessError as error:
        raise Unmeasured(f"it ended with exit code {error.returncode}") from error
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.stdout:
        # Without the start of Python or Node.
        wall, cpu = map(float, done.stdout.split())
    return Read(changes / wall, cpu / changes * 1e6)


# ---- the readers in Python


async def _read(reader: str, dsn: str, slot: str, changes: int) -> None:
    async with walsender(dsn, "rowcast bench") as sender, sender.stream(slot, ["rowcast_tables"], 0) as stream:
        count = _assembled(await _oid(dsn)) if reader == "rowcast" else _texts
        begun, cpu, left = time.perf_counter(), time.process_time(), changes
        while left > 0:
            left -= count(await stream.receive())
        print(time.perf_counter() - begun, time.process_time() - cpu)


async def _oid(dsn: str) -> int:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        row = await (await connection.execute("SELECT 'public.t'::regclass::bigint")).fetchone()
    assert row is not None
    return int(row[0])


def _assembled(oid: int) -> Callable[[Sequence[bytes | Keepalive]], int]:
    assembler = Assembler(1, ORIGIN_KEY, 0)
    table = LoggedTable("public.t", ("id",), oid)

    def count(frames: Sequence[bytes | Keepalive]) -> int:
        changes = 0
        for item in assembler.feed(frames):
            if isinstance(item, WantsKeys):
                assembler.know([table])
            elif isinstance(item, Transaction):
                changes += len(item.changes)
        return changes

    return count


def _texts(frames: Sequence[bytes | Keepalive]) -> int:
    """The texts of the changes' new rows, and no more: no message, no types, no key."""
    count = 0
    for payload in frames:
        if isinstance(payload, Keepalive) or payload[:1] not in (b"I", b"U"):
            continue
        at = 8
        for _ in range(2 if payload[5:6] == b"O" else 1):
            row = []
            for _ in range(5):
                (size,) = _LENGTH.unpack_from(payload, at + 1)
                row.append(payload[at + 5 : at + 5 + size].decode())
                at += 5 + size
            at += 3
        count += 1
    return count


# ---- the log


def _log(server: Server, template: str, changes: int) -> tuple[float, float]:
    dsn = server.create(template=template)
    try:
        return asyncio.run(_append(dsn, changes))
    finally:
        server.drop(dsn)


async def _append(dsn: str, changes: int) -> tuple[float, float]:
    await bind(dsn, "t", "id integer PRIMARY KEY, name text, qty integer, price numeric, at timestamptz")
    async with leading(dsn) as leader:
        peak = before = _memory_mb()
        begun = time.perf_counter()
        writing = asyncio.create_task(asyncio.to_thread(_write_all, dsn, changes))
        async with aclosing(leader.bus.listen()) as beats:
            async for beat in beats:
                peak = max(peak, _memory_mb())
                if writing.done() and beat.decoded_to >= writing.result():
                    break
        return changes / (time.perf_counter() - begun), peak - before


def _write_all(dsn: str, changes: int) -> int:
    """Returns where the WAL ends then."""
    with psycopg.connect(session_dsn(dsn, "rowcast bench"), autocommit=True) as connection:
        _write(connection, changes)
        # Somebody asks for how far the log goes.
        connection.execute("SELECT pg_logical_emit_message(true, 'rowcast', '')")
        row = connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def table(readers: dict[str, Read], appended: float, grown: float) -> str:
    """With the ratios to the first."""
    first = readers[_READERS[0]]
    lines = [f"{'':<18}{'changes/s':>12}{'× first':>9}{'CPU each':>12}"]
    lines += [
        f"{name:<18}{one.rate:>12,.0f}{one.rate / first.rate:>9.2f}{one.cpu_us:>9.2f} µs"
        for name, one in readers.items()
    ]
    return "\n".join([*lines, f"{'log, published':<18}{appended:>12,.0f}     its memory grew by {grown:.0f} MB"])


if __name__ == "__main__":
    if len(sys.argv) > 2:
        asyncio.run(_read(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        print(table(*measure(int(sys.argv[1]) if len(sys.argv) > 1 else CHANGES)))
