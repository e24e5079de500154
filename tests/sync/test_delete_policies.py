"""The delete policies over real runs: marking rows as deleted, and keeping rows that the source no longer has."""

import pytest

from db.conflicts import ConflictChoice
from db.rows import absent_keys
from db.runs import RunState
from db.sources import ConflictPolicy, DeletePolicy, Direction
from tests.sync.ground import TABLE, Ground, ground, key

MARKED = TABLE + "ALTER TABLE people ADD deleted_at timestamptz, ADD note text"


async def _synced(at: Ground, *ids: int) -> None:
    at.fill(*ids)
    await at.settle()
    assert at.table() == at.rows() == {id_: (f"n{id_}", id_) for id_ in ids}


def _marked(at: Ground) -> set[int]:
    return {row["id"] for row in at.sql("SELECT id FROM people WHERE deleted_at IS NOT NULL")}


async def _absent(at: Ground, *ids: int) -> set[str]:
    async with at.pool.connection() as connection:
        return await absent_keys(connection, at.source_id, [key(id_) for id_ in ids])


async def test_a_row_that_vanishes_is_marked_and_comes_back_with_what_only_the_table_has(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT) as at:
        await _synced(at, 1, 2, 3)
        at.sql("UPDATE people SET note = 'kept' WHERE id = 1")
        at.sheet.delete(key(1))
        await at.run()
        run = await at.settle()
        assert (run.state, run.counts.database_deletes) == (RunState.SUCCEEDED, 1)
        assert _marked(at) == {1}
        assert at.table()[1] == ("n1", 1)
        again = await at.run()
        assert (again.counts.database_upserts, again.counts.source_upserts) == (0, 0)
        at.sheet.edit(key(1), id=1.0, name="back", age=None)
        run = await at.settle()
        assert _marked(at) == set()
        assert at.table("name, age, note")[1] == ("back", None, "kept")
        assert at.rows()[1] == ("back", None)
        assert (await at.conflicts(), await at.failures()) == ([], [])


async def test_marking_a_row_deletes_it_in_the_source_and_clearing_the_mark_brings_it_back(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT) as at:
        await _synced(at, 1, 2, 3)
        at.sql("UPDATE people SET deleted_at = now() WHERE id = 2")
        run = await at.settle()
        assert (run.counts.source_deletes, set(at.rows())) == (1, {1, 3})
        at.sql("UPDATE people SET deleted_at = NULL, name = 'again' WHERE id = 2")
        await at.settle()
        assert at.rows()[2] == ("again", 2.0)
        assert _marked(at) == set()


async def test_a_row_deleted_by_sql_is_gone_on_both_sides(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT) as at:
        await _synced(at, 1, 2, 3)
        at.sql("UPDATE people SET deleted_at = now() WHERE id = 2")
        await at.settle()
        at.sql("DELETE FROM people WHERE id IN (1, 2)")
        await at.settle()
        assert set(at.table()) == set(at.rows()) == {3}


async def test_a_row_marked_here_and_edited_there_is_a_conflict_of_the_row(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT, policy=ConflictPolicy.SOURCE_WINS) as at:
        await _synced(at, 1, 2, 3)
        at.sql("UPDATE people SET deleted_at = now() WHERE id = 1")
        at.sheet.edit(key(1), name="sheet")
        await at.settle()
        assert at.table() == at.rows()
        assert at.table()[1] == ("sheet", 1)
        assert _marked(at) == set()
        [conflict] = await at.conflicts()
        assert (conflict.resolution, conflict.source_value) == (ConflictChoice.SOURCE, {"name": "sheet", "age": 1})


async def test_a_row_marked_or_revived_just_before_our_edit_waits_for_the_next_run(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.edit(key(1), name="sheet")

        def mark() -> None:
            at.sheet.after_read = None
            at.sql("UPDATE people SET deleted_at = now() WHERE id = 1")

        at.sheet.after_read = mark
        await at.settle()
        assert set(at.rows()) == {2, 3}
        assert [conflict.source_value for conflict in await at.conflicts()] == [{"name": "sheet", "age": 1}]


async def test_from_source_takes_marks_back_and_sets_them(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT, direction=Direction.FROM_SOURCE) as at:
        await _synced(at, 1, 2, 3)
        at.sql("UPDATE people SET deleted_at = now() WHERE id = 1")
        at.sql("INSERT INTO people VALUES (9, 'mine', 9)")
        await at.settle()
        assert _marked(at) == {9}
        assert at.sheet.writes == []


async def test_another_policy_leaves_what_is_marked_where_it_is(database: str) -> None:
    async with ground(database, ddl=MARKED, deletes=DeletePolicy.SOFT) as at:
        await _synced(at, 1, 2, 3, 4)
        at.sheet.delete(key(1))
        await at.run()
        await at.settle()
        await at.change(delete_policy=DeletePolicy.PROPAGATE)
        at.sheet.delete(key(2))
        await at.run()
        await at.settle()
        assert (set(at.table()), _marked(at), set(at.rows())) == ({1, 3, 4}, {1}, {3, 4})
        await at.change(delete_policy=DeletePolicy.SOFT)
        at.sheet.delete(key(3))
        await at.run()
        await at.settle()
        assert _marked(at) == {1, 3}
        at.fill(1, 2)
        await at.settle()
        assert (set(at.rows()), _marked(at)) == ({1, 2, 4}, {3})


async def test_a_table_without_the_mark_is_a_reason_with_its_remedy(database: str) -> None:
    async with ground(database, deletes=DeletePolicy.SOFT) as at:
        at.fill(1)
        run = await at.run()
        assert run.state is RunState.FAILED
        assert run.message is not None
        assert 'ALTER TABLE "public"."people" ADD "deleted_at" timestamptz;' in run.message


async def test_a_row_that_is_kept_is_absent_and_goes_on_when_it_is_back(database: str) -> None:
    async with ground(database, deletes=DeletePolicy.IGNORE) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.delete(key(1))
        await at.run()
        assert await _absent(at, 1, 2) == set(), "two complete reads tell that a row vanished"
        await at.settle()
        assert (await _absent(at, 1, 2), set(at.table())) == ({key(1)}, {1, 2, 3})
        at.sql("UPDATE people SET name = 'mine' WHERE id = 1")
        run = await at.settle()
        assert run.counts.source_upserts == 0
        assert set(at.rows()) == {2, 3}
        assert await at.conflicts() == []
        at.sheet.edit(key(1), id=1.0, name="n1", age=11.0)
        await at.settle()
        assert at.table() == at.rows()
        assert at.table()[1] == ("mine", 11), "each cell is merged as if the row had never been away"
        assert await _absent(at, 1) == set()


async def test_a_row_that_comes_back_as_it_was_is_absent_no_more_and_can_be_deleted(database: str) -> None:
    async with ground(database, deletes=DeletePolicy.IGNORE) as at:
        await _synced(at, 1, 2, 3)
        row = dict(at.sheet.rows[key(2)])
        at.sheet.delete(key(2))
        await at.settle()
        assert await _absent(at, 2) == {key(2)}
        at.sheet.edit(key(2), **row)
        await at.settle()
        assert await _absent(at, 2) == set()
        at.sql("DELETE FROM people WHERE id = 2")
        await at.settle()
        assert set(at.table()) == set(at.rows()) == {1, 3}


async def test_a_row_that_is_kept_can_be_deleted(database: str) -> None:
    async with ground(database, deletes=DeletePolicy.IGNORE) as at:
        await _synced(at, 1, 2, 3)
        at.sheet.delete(key(1))
        await at.run()
        await at.settle()
        at.sql("DELETE FROM people WHERE id IN (1, 2)")
        await at.settle()
        assert set(at.table()) == set(at.rows()) == {3}
        assert at.sql("SELECT key FROM rowcast.base WHERE key <> %s", key(3)) == []


async def test_rows_that_were_kept_go_once_deletes_propagate(database: str) -> None:
    async with ground(database, deletes=DeletePolicy.IGNORE) as at:
        await _synced(at, 1, 2, 3, 4)
        at.sheet.delete(key(1), key(2))
        await at.run()
        await at.settle()
        at.sql("UPDATE people SET age = 22 WHERE id = 2")
        await at.change(delete_policy=DeletePolicy.PROPAGATE)
        await at.settle()
        assert set(at.table()) == set(at.rows()) == {2, 3, 4}
        [conflict] = await at.conflicts()
        assert conflict.database == {"name": "n2", "age": 22}, "an edit against a delete, as it would have been before"


@pytest.mark.parametrize("deletes", [DeletePolicy.SOFT, DeletePolicy.IGNORE])
async def test_a_cleared_source_is_held_only_where_rows_would_go(database: str, deletes: DeletePolicy) -> None:
    async with ground(database, ddl=MARKED, deletes=deletes) as at:
        await _synced(at, 1, 2, 3, 4, 5, 6)
        at.sheet.delete(*list(at.sheet.rows))
        await at.run()
        run = await at.run()
        assert (run.state is RunState.HELD) is (deletes is DeletePolicy.SOFT)
        assert _marked(at) == set()
        assert len(await _absent(at, *range(1, 7))) == (0 if deletes is DeletePolicy.SOFT else 6)
