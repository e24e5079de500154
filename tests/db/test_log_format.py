"""What is appended to the log is read back, by `db.log` and by the view for people: of all operations, all values."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.changes import Cause, Change, Operation, Transaction, WireRow
from db.log import log_state, read_entries, read_log
from db.log_append import appending
from db.log_append_small import append_small
from db.log_format import images, layout_text, rows_of
from db.log_format import layout as layout_of
from db.position import Position
from db.session import Connection, connect
from db.slices import LogEntry
from tests.db.test_log import TODAY, opened
from tests.examples import many

AT = Position(1, 1, 1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["\\N", "{}", "[", ""]
)
halves = st.sampled_from(["\ud800", "\udfff a", "\0"])
numbers = st.integers(-(10**30), 10**30) | st.sampled_from([0, 1, -0.0, 0.0, 1.0, 2**63, 2**64, 1.5e300])
scalars = st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | texts
documents = st.recursive(
    scalars | halves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
values = scalars | documents
columns = st.lists(texts.filter(bool), min_size=1, max_size=5, unique=True)


@st.composite
def changes(draw: Callable[..., Any]) -> Change:
    """Of any operation. An UPDATE's rows mostly have the same columns, and some values of theirs."""
    operation = draw(st.sampled_from(Operation))
    if operation is Operation.TRUNCATE:
        return Change(AT, "public.t", operation, None, None, None, None)
    names = draw(columns)
    row = {name: draw(values) for name in names}
    key = draw(texts)
    if operation is Operation.INSERT:
        return Change(AT, "public.t", operation, key, None, None, row)
    if operation is Operation.DELETE:
        return Change(AT, "public.t", operation, key, None, row, None)
    was = {name: draw(st.just(value) | values) for name, value in row.items()}
    if draw(st.integers(0, 3)) == 0:
        # Only the key's columns were sent, or those that a large value is not among.
        was = {name: was[name] for name in draw(st.permutations(names))[: draw(st.integers(0, len(names)))]}
    return Change(AT, "public.t", operation, key, draw(st.none() | texts.filter(bool)), was, row)


def exact(row: WireRow | None) -> str:
    """As JSON: unlike `==` it tells 1 from 1.0 and true, 0.0 from -0.0, and one order of names from another."""
    return json.dumps(row)


@given(changes())
def test_rows_are_what_they_were(change: Change) -> None:
    stored, image, replaced = images(change)
    names = layout_of(None if stored is None else layout_text(stored)).columns
    before, after = rows_of(change.operation, names, image, replaced)
    assert (exact(before), exact(after)) == (exact(change.before), exact(change.after))


def test_a_row_is_held_once_and_without_names() -> None:
    was: WireRow = {"id": 7, "name": "a", "score": 0.0, "at": None}
    now: WireRow = {"id": 7, "name": "b", "score": -0.0, "at": None}
    stored = images(Change(AT, "public.t", Operation.UPDATE, '["7"]', None, was, now))
    assert stored == (("id", "name", "score", "at"), '[7,"b",-0.0,null]', '[1,"a",2,0.0]')
    assert images(Change(AT, "public.t", Operation.DELETE, '["7"]', None, was, None))[1:] == ('[7,"a",0.0,null]', "")
    key_alone = images(Change(AT, "public.t", Operation.UPDATE, '["7"]', None, {"id": 7}, now))
    assert key_alone[1:] == ('[7,"b",-0.0,null]', '{"id":7}')


@dataclass(frozen=True)
class Log:
    """An open log, its connection and the loop that the connection belongs to."""

    runner: asyncio.Runner
    connection: Connection
    append: Callable[[Transaction], Any]
    append_small: Callable[[Transaction], Any]
    epoch: int
    lsns: Iterator[int]


@pytest.fixture
def log(database: str) -> Iterator[Log]:
    with asyncio.Runner() as runner:
        connection = runner.run(connect(database, "rowcast test"))
        term, epoch = runner.run(opened(connection))

        async def append(transaction: Transaction) -> None:
            async with appending(connection, term, lambda: transaction.position.lsn + 1, TODAY) as log:
                await log.write(transaction)

        async def append_in_one(transaction: Transaction) -> list[LogEntry] | None:
            return await append_small(connection, term, [transaction], transaction.position.lsn + 1, TODAY)

        yield Log(runner, connection, append, append_in_one, epoch, count(1000, 10))
        runner.run(connection.close())


_VIEW = """SELECT relation, operation, key, old_key, before::text, after::text, cause, actor FROM rowcast.changes
    WHERE epoch = %s AND lsn = %s ORDER BY index"""


def plain(change: Change) -> tuple[object, ...]:
    before, after = exact(change.before), exact(change.after)
    return (change.relation, change.operation, change.key, change.old_key, before, after)


@given(drawn=st.lists(changes(), min_size=1, max_size=8), cause=st.sampled_from(Cause), actor=st.none() | texts)
@settings(max_examples=many(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_appended_is_read_back(log: Log, drawn: list[Change], cause: Cause, actor: str | None) -> None:
    lsn = next(log.lsns)
    given = tuple(
        Change(Position(log.epoch, lsn, index), f"public.{index % 2}", *_rest(change))
        for index, change in enumerate(drawn, 1)
    )

    async def there_and_back() -> tuple[list[Transaction], list[Any]]:
        await log.append(Transaction(lsn, datetime.now(UTC), cause, actor or None, given, last=True))
        read = [each async for each in read_log(log.connection, Position(log.epoch, lsn, 0))]
        return read, await (await log.connection.execute(_VIEW, (log.epoch, lsn))).fetchall()

    read, shown = log.runner.run(there_and_back())
    found = sorted((change for each in read for change in each.changes), key=lambda change: change.position)
    assert [(change.position, *plain(change)) for change in found] == [(each.position, *plain(each)) for each in given]
    assert {(each.xid, each.cause, each.actor) for each in read} == {(lsn, cause, actor or None)}
    parsed = [(*row[:4], *(exact(None if text is None else json.loads(text)) for text in row[4:6])) for row in shown]
    assert parsed == [plain(each) for each in given]
    assert {row[6:] for row in shown} == {(cause, actor or None)}


def _rest(change: Change) -> tuple[Any, ...]:
    return (change.operation, change.key, change.old_key, change.before, change.after)


def _insert(log: Log, row: WireRow) -> Transaction:
    lsn = next(log.lsns)
    change = Change(Position(log.epoch, lsn, 1), "public.t", Operation.INSERT, "k", None, None, row)
    return Transaction(lsn, datetime.now(UTC), Cause.SQL, None, (change,), last=True)


def test_names_are_stored_once_and_again_where_an_append_was_undone(log: Log) -> None:
    async def stored() -> list[Any]:
        rows = await log.connection.execute("SELECT columns::text FROM rowcast.log_layouts ORDER BY id")
        return [text for (text,) in await rows.fetchall()]

    async def work() -> None:
        await log.append(_insert(log, {"a": 1}))
        undone = _insert(log, {"a": 1, "b": 2})
        # In the log before, so its head is refused after its names were stored.
        await log.append(_insert(log, {"a": 2}))
        with pytest.raises(RuntimeError, match="head"):
            await log.append(undone)
        assert await stored() == ['["a"]']
        again = _insert(log, {"a": 1, "b": 2})
        await log.append(again)
        await log.append(_insert(log, {"a": 3, "b": 4}))
        assert await stored() == ['["a"]', '["a","b"]']
        read = [each async for each in read_log(log.connection, Position(log.epoch, again.position.lsn, 0))]
        assert [change.after for each in read for change in each.changes] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]

    log.runner.run(work())


@given(drawn=st.lists(changes(), min_size=1, max_size=8), cause=st.sampled_from(Cause), actor=st.none() | texts)
@settings(max_examples=many(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_statement_appends_what_copy_does_and_says_what_readers_get(
    log: Log, drawn: list[Change], cause: Cause, actor: str | None
) -> None:
    def commit(lsn: int) -> Transaction:
        given = tuple(
            Change(Position(log.epoch, lsn, index), f"public.{index % 2}", *_rest(change))
            for index, change in enumerate(drawn, 1)
        )
        return Transaction(lsn, datetime.now(UTC), cause, actor, given, last=True)

    async def appended() -> tuple[list[LogEntry], list[LogEntry], list[LogEntry]]:
        # Names come by COPY: nothing is written where there is one that the log has no number for.
        first = commit(next(log.lsns))
        if await log.append_small(first) is None:
            assert await read_entries(log.connection, Position(log.epoch, first.position.lsn, 0)) == []
            await log.append(first)
        second, after = commit(next(log.lsns)), first.position
        made = await log.append_small(second)
        read = await read_entries(log.connection, after)
        state = await log_state(log.connection)
        assert state is not None
        assert (state.head, state.decoded_to) == (second.position, second.position.lsn + 1)
        copied = await read_entries(log.connection, Position(log.epoch, first.position.lsn, 0), until=second.position)
        return made, read, copied

    made, read, copied = log.runner.run(appended())
    assert [stored(each) for each in made] == [stored(each) for each in read]
    assert [plain(each.change) for each in copied] == [plain(each.change) for each in read]
    assert [each.size for each in copied] == [each.size for each in read]


def stored(entry: LogEntry) -> tuple[object, ...]:
    commit = (entry.xid, entry.committed_at, entry.cause, entry.actor, entry.size)
    return (entry.change.position, *plain(entry.change), *commit)
