"""What a leader appended just now: all of it or nothing, and what its hub hands on of it is what the log has."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.changes import Cause, Change, Operation, Transaction
from db.cursor import Cursor
from db.position import Position
from db.slices import LogEntry
from replication import recent as module
from replication.log_events import CaughtUp, LogSlice
from replication.recent import Recent
from tests.replication.leader import bind, execute, hub_of, leading
from tests.replication.reading import logged, settled
from tests.replication.test_hub import following
from tests.replication.test_types import PREPARE, TYPES

NOW = datetime.now(UTC)


def entry(lsn: int, index: int) -> LogEntry:
    change = Change(Position(1, lsn, index), "public.t", Operation.INSERT, "k", None, None, {})
    return LogEntry(change, lsn, NOW, Cause.SQL, None, 10)


@given(
    appends=st.lists(st.lists(st.integers(1, 3), max_size=3), min_size=1, max_size=8),
    forgotten=st.integers(0, 7),
    kept=st.integers(1, 12),
    asked=st.tuples(st.integers(0, 90), st.integers(0, 4), st.integers(0, 90)),
)
def test_it_answers_with_all_that_the_log_has_or_not_at_all(
    appends: list[list[int]], forgotten: int, kept: int, asked: tuple[int, int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_KEPT", kept)
        recent, log, at = Recent(), [], 0
        for number, commits in enumerate(appends):
            if number == forgotten:
                recent.forget()
            begun = Position(1, at, 0)
            entries = []
            for changes in commits:
                entries += [entry(at + 5, index) for index in range(1, changes + 1)]
                at += 10
            recent.add(begun, entries, Position(1, at, 0))
            log += entries
        after, until = Position(1, *asked[:2]), Position(1, asked[2], 0)
        found = recent.between(after, until)
        assert recent.between(after, Position(1, at + 1, 0)) is None
        assert recent.between(Position(2, 0, 0), Position(2, 0, 0)) is None
    if found is not None:
        assert found == [each for each in log if after < each.change.position < until]
    elif kept >= len(log) and not forgotten:
        assert not after <= until <= Position(1, at, 0)


def test_what_takes_much_memory_is_not_kept() -> None:
    recent, large = Recent(), entry(5, 1)
    large = LogEntry(large.change, 1, NOW, Cause.SQL, None, 5 << 20)
    recent.add(Position(1, 0, 0), [large], Position(1, 10, 0))
    assert recent.between(Position(1, 0, 0), Position(1, 10, 0)) is None
    recent.add(Position(1, 10, 0), [entry(15, 1)], Position(1, 20, 0))
    assert recent.between(Position(1, 10, 0), Position(1, 20, 0)) == [entry(15, 1)]


def plain(transaction: Transaction) -> tuple[object, ...]:
    """Exactly: as JSON, types and order of names included."""
    changes = [
        (each.position, each.relation, each.operation, each.key, each.old_key, json.dumps([each.before, each.after]))
        for each in transaction.changes
    ]
    commit = transaction.xid, transaction.committed_at.isoformat(), transaction.cause, transaction.actor
    return *commit, transaction.last, *changes


async def test_what_a_leader_hands_on_of_its_own_appends_is_what_the_log_has(database: str) -> None:
    await execute(database, *PREPARE)
    known = [each for each in TYPES if await has(database, each)]
    columns = ", ".join(f"{name} {TYPES[name][0]}" for name in known)
    values = ", ".join(f"{TYPES[name][1]}::{TYPES[name][0]}" for name in known)
    await bind(database, "t", f"id integer PRIMARY KEY, {columns}")
    await bind(database, "other", "id integer PRIMARY KEY")
    recent = Recent()
    async with leading(database, recent=recent) as leader, hub_of(database, leader.bus, recent=recent) as hub:
        # The names of tables and columns come by COPY.
        await execute(database, f"INSERT INTO t VALUES (0, {values})")
        await execute(database, "INSERT INTO other VALUES (0)")
        await settled(database, hub)
        begun = hub.frontier
        async with aclosing(hub.subscribe("public.t", Cursor(begun))) as events:
            assert isinstance(await following(events), CaughtUp)
            hands = answers(recent)
            statements = [
                f"INSERT INTO t VALUES (1, {values}), (2, {values})",
                "UPDATE t SET real = 1, took = NULL WHERE id = 1",
                "BEGIN; UPDATE other SET id = 1; UPDATE t SET id = 3 WHERE id = 2; UPDATE other SET id = 2; COMMIT",
                "DELETE FROM t WHERE id = 1",
                "INSERT INTO t (id) SELECT generate_series(100, 400)",
                "UPDATE t SET words = NULL, document = '{\"a\": 1.0}' WHERE id < 150",
                "TRUNCATE t",
            ]
            handed = []
            for statement in statements:
                await execute(database, statement)
                event = await following(events)
                assert isinstance(event, LogSlice)
                handed.append(plain(event.transaction))
        assert handed == [plain(each) for each in await logged(database) if each.position > begun]
        # What COPY took had to be asked for, and nothing else.
        assert [len(each) for each in hands if each is not None] == [2, 1, 3, 1, 52, 1]
        assert hands.count(None) == 1


async def has(database: str, name: str) -> bool:
    """Whether this Postgres has the type."""
    type_, literal = TYPES[name]
    try:
        await execute(database, f"SELECT {literal}::{type_}")
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedObject):
        return False
    return True


def answers(recent: Recent) -> list[Sequence[LogEntry] | None]:
    """What the hub is told from now on of what there is to hand on."""
    told: list[Sequence[LogEntry] | None] = []
    between = recent.between

    def listened(after: Position, until: Position) -> list[LogEntry] | None:
        found = between(after, until)
        if found != []:
            told.append(found)
        return found

    recent.between = listened  # type: ignore[method-assign]
    return told
