"""LATEST_WINS: the times of two edits of one cell, and who wins by them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from db.base import BaseRow, Sighting
from db.changes import Cause, Change, Operation, WireRow, WireValue
from db.conflicts import ConflictChoice
from db.position import Position
from db.slices import LogEntry
from db.sources import Column, ConflictPolicy
from db.sync_tables import TableRow
from db.wire import ColumnType
from sync.merge.latest import commit_times, hook_bound, latest_possible, sightings, source_times
from sync.merge.plan import Rules
from sync.source import Cell, SourceRow
from tests.sync.ground import Ground, ground, key
from tests.sync.log_by_hand import logged, open_log
from tests.sync.row_world import KEY, rules

T = datetime(2030, 1, 1, tzinfo=UTC)
NAME, AGE = Column("name", ColumnType.TEXT, "Name"), Column("age", ColumnType.INTEGER, "Age")


def _at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def _entry(seconds: float, before: WireRow | None, after: WireRow | None) -> LogEntry:
    operation = Operation.INSERT if before is None else Operation.DELETE if after is None else Operation.UPDATE
    change = Change(Position(1, int(seconds), 1), "public.t", operation, KEY, None, before, after)
    return LogEntry(change, 1, _at(seconds), Cause.SQL, None)


def _row(**cells: Cell) -> SourceRow:
    return SourceRow(KEY, cells, frozenset(), {}, "A1", {})


RULES: Rules = replace(rules(policy=ConflictPolicy.LATEST_WINS), columns=(NAME, AGE))


# ---- the source's edits


def test_an_edit_is_not_later_than_anything_that_tells_of_it() -> None:
    assert latest_possible(_at(9)) == _at(9)
    assert latest_possible(_at(9), None, _at(7)) == _at(7)
    assert latest_possible(_at(9), _at(12), _at(8)) == _at(8)


def test_a_hook_says_nothing_of_what_came_after_the_reading_that_it_led_to() -> None:
    assert hook_bound(None, _at(1)) is None
    assert hook_bound(_at(5), None) == _at(5)
    assert hook_bound(_at(5), _at(4)) == _at(5)
    assert hook_bound(_at(5), _at(6)) is None


def test_a_cell_is_as_old_as_its_first_sight() -> None:
    base = BaseRow(KEY, {"name": "a", "age": 1.0}, {"name": "a", "age": "1"})
    first = sightings(base, _row(name="b", age=1.0), RULES, _at(1))
    assert first == {"name": Sighting("b", _at(1))}
    seen = replace(base, first_seen=first)
    second = sightings(seen, _row(name="b", age=2.0), RULES, _at(2))
    assert second == {"name": Sighting("b", _at(1)), "age": Sighting(2.0, _at(2))}
    assert sightings(seen, _row(name="c", age=1.0), RULES, _at(2)) == {"name": Sighting("c", _at(2))}
    assert sightings(seen, _row(name="a", age=1.0), RULES, _at(2)) == {}, "edited back: nothing is to be dealt with"


def test_the_row_is_as_old_as_its_latest_cell_and_as_the_first_reading_without_it() -> None:
    base = BaseRow(KEY, {}, {}, first_seen={"name": Sighting("b", _at(1)), "age": Sighting(2.0, _at(2))})
    assert source_times(base, _row(), _at(9)) == {"name": _at(1), "age": _at(2), None: _at(2)}
    gone = BaseRow(KEY, {}, {}, missing=2, missing_at=_at(3))
    assert source_times(gone, None, _at(9)) == {None: _at(3)}


# ---- the table's edits


def test_a_cell_has_the_time_of_the_commit_that_set_it() -> None:
    entries = [
        _entry(9, {"name": "c", "age": 1}, {"name": "c", "age": 2}),
        _entry(5, {"name": "b", "age": 1}, {"name": "c", "age": 1}),
        _entry(1, None, {"name": "b", "age": 1}),
    ]
    row = TableRow(KEY, {"name": "c", "age": "2"}, "1")
    assert commit_times(entries, row, [NAME, AGE]) == {"name": _at(5), "age": _at(9), None: _at(9)}
    assert commit_times(entries, row, [NAME]) == {"name": _at(5), None: _at(5)}


def test_a_commit_that_the_log_lacks_has_no_time() -> None:
    entries = [_entry(5, {"name": "b", "age": 1}, {"name": "c", "age": 1})]
    row = TableRow(KEY, {"name": "d", "age": "1"}, "1")
    assert commit_times(entries, row, [NAME]) == {}
    assert commit_times([], row, [NAME]) == {}
    assert commit_times(entries, row, [NAME, AGE]) == {"age": _at(5)}, "so neither has the row"


def test_a_deletion_has_its_own_time() -> None:
    deleted = _entry(5, {"name": "b", "age": 1}, None)
    assert commit_times([deleted], None, []) == {None: _at(5)}
    assert commit_times([_entry(4, None, {"name": "b"})], None, []) == {}
    marked = _entry(7, {"name": "b", "deleted_at": None}, {"name": "b", "deleted_at": "2030-01-01"})
    touched = _entry(9, {"name": "b", "deleted_at": "2030-01-01"}, {"name": "c", "deleted_at": "2030-01-01"})
    assert commit_times([touched, marked], None, []) == {None: _at(7)}, "a mark is a deletion, too"
    moved = replace(deleted, change=structs.replace(deleted.change, old_key=KEY, after={"name": "b", "age": 1}))
    assert commit_times([moved], None, []) == {None: _at(5)}


# ---- a run


@pytest.mark.parametrize(
    ("database_first", "winner", "choice"),
    [(True, "sheet", ConflictChoice.SOURCE), (False, "db", ConflictChoice.DATABASE)],
)
async def test_the_latest_edit_wins(database: str, database_first: bool, winner: str, choice: ConflictChoice) -> None:
    async with ground(database, policy=ConflictPolicy.LATEST_WINS) as at:
        await _begin(at)
        committed = at.now + timedelta(seconds=10)
        at.sheet.edit(key(1), name="sheet")
        at.sheet.modified_at = committed + timedelta(seconds=5 if database_first else -5)
        await _commit(at, "db", committed)
        at.later(60)
        await _settled(at, winner, choice)


@pytest.mark.parametrize(
    ("hook_s", "winner", "choice"), [(15, "sheet", ConflictChoice.SOURCE), (5, "db", ConflictChoice.DATABASE)]
)
async def test_a_hook_tells_when_an_edit_was_made(
    database: str, hook_s: int, winner: str, choice: ConflictChoice
) -> None:
    async with ground(database, policy=ConflictPolicy.LATEST_WINS) as at:
        await _begin(at)
        at.later(1)
        at.sheet.edit(key(1), name="sheet")
        begun = at.now
        at.sql("UPDATE rowcast.sync_state SET hooked_at = %s", begun + timedelta(seconds=hook_s))
        await _commit(at, "db", begun + timedelta(seconds=10))
        at.later(60)
        await _settled(at, winner, choice)


async def test_an_edit_that_a_commit_overtook_is_as_old_as_its_first_sight(database: str) -> None:
    """The run that saw the sheet's edit finds the row changed when it comes to write: the next one judges both."""
    async with ground(database, policy=ConflictPolicy.LATEST_WINS) as at:
        await _begin(at)
        at.sheet.edit(key(1), name="sheet")
        begun = at.now
        at.sheet.after_read = lambda: at.sql("UPDATE people SET total = 1 WHERE id = 1")
        at.sql("CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
        at.sql("CREATE TRIGGER skip BEFORE UPDATE OF name ON people FOR EACH ROW EXECUTE FUNCTION skip()")
        await at.run()
        assert at.table()[1] == ("n1", 1), "the row was not to be had by that run"
        at.sql("DROP TRIGGER skip ON people")
        at.sheet.after_read = None
        await _commit(at, "db", begun + timedelta(seconds=10))
        at.later(60)
        await _settled(at, "db", ConflictChoice.DATABASE)


async def test_a_clock_of_ours_that_is_wrong_decides_nothing(database: str) -> None:
    """Commits and hooks have the database's time, so what was first seen has it, too."""
    async with ground(database, policy=ConflictPolicy.LATEST_WINS) as at:
        await _begin(at)
        at.database_ahead = timedelta(hours=1)
        await _commit(at, "db", at.now + at.database_ahead)
        at.later(60)
        at.sheet.edit(key(1), name="sheet")
        await _settled(at, "sheet", ConflictChoice.SOURCE)


async def test_an_edit_made_anew_just_before_our_write_is_judged_anew(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.LATEST_WINS) as at:
        await _begin(at)
        at.sheet.edit(key(1), name="early")
        at.sheet.modified_at = at.now + timedelta(seconds=5)
        await _commit(at, "db", at.now + timedelta(seconds=10))
        at.later(60)

        def types() -> None:
            at.sheet.before_write = None
            at.later(60)
            at.sheet.edit(key(1), name="latest")
            at.sheet.modified_at = at.now

        at.sheet.before_write = types
        await at.settle()
        assert at.table() == at.rows() == {1: ("latest", 1)}
        assert [(one.source_value, one.resolution) for one in await at.conflicts()] == [
            ("early", ConflictChoice.DATABASE),
            ("latest", ConflictChoice.SOURCE),
        ], "each verdict has the value that it was about"


async def test_a_commit_to_another_cell_makes_this_one_no_younger(database: str) -> None:
    async with ground(database, policy=ConflictPolicy.LATEST_WINS) as at:
        await _begin(at)
        at.sheet.edit(key(1), name="sheet")
        at.sheet.modified_at = at.now + timedelta(seconds=20)
        await _commit(at, "db", at.now + timedelta(seconds=10))
        at.sql("UPDATE people SET age = 7 WHERE id = 1")
        before: dict[str, WireValue] = {"id": 1, "name": "db", "age": 1}
        await logged(at, key(1), when=at.now + timedelta(seconds=30), before=before, after={**before, "age": 7})
        at.later(60)
        await at.settle()
        assert at.table() == at.rows() == {1: ("sheet", 7)}
        [conflict] = await at.conflicts()
        assert conflict.resolution is ConflictChoice.SOURCE


async def _begin(at: Ground) -> None:
    await open_log(at)
    at.fill(1)
    await at.settle()


async def _commit(at: Ground, name: str, when: datetime) -> None:
    at.sql("UPDATE people SET name = %s WHERE id = 1", name)
    before: dict[str, WireValue] = {"id": 1, "name": "n1", "age": 1}
    await logged(at, key(1), when=when, before=before, after={**before, "name": name})


async def _settled(at: Ground, winner: str, choice: ConflictChoice) -> None:
    await at.settle()
    assert at.table() == at.rows() == {1: (winner, 1)}
    [conflict] = await at.conflicts()
    assert conflict.resolution is choice
    assert at.sql("SELECT first_seen FROM rowcast.base") == [{"first_seen": None}], "nothing is kept of it"
