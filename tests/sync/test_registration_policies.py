"""Registering and changing delete policies, with a real worksheet and a real Postgres."""

import pytest

from db.errors import BadUserInput
from db.sources import DeletePolicy
from sync.registration.input import UpdateSource, WantedColumn
from tests.sync.sheets import Bench
from tests.sync.test_registration import Desk, desk, people  # noqa: F401 - fixtures

SOFT, PROPAGATE = DeletePolicy.SOFT, DeletePolicy.PROPAGATE
_MARK = "SELECT data_type FROM information_schema.columns WHERE table_name = '{}' AND column_name = 'deleted_at'"


async def test_a_table_of_ours_gets_the_mark(desk: Desk) -> None:  # noqa: F811
    source = await desk.service.register(desk.wanted(delete_policy=SOFT))
    assert await desk.sql(_MARK.format("people")) == [("timestamp with time zone",)]
    assert source.hides_deleted
    assert source.column("deleted_at") is None, "of rows that clients see it says nothing"


async def test_the_policy_switches_both_ways_and_leaves_the_marks(desk: Desk) -> None:  # noqa: F811
    await desk.register()
    assert await desk.sql(_MARK.format("people")) == []
    changed = await desk.service.update("people", UpdateSource(delete_policy=SOFT))
    assert (changed.delete_policy, changed.hides_deleted) == (SOFT, True)
    assert await desk.sql(_MARK.format("people")) == [("timestamp with time zone",)]
    await desk.sql("INSERT INTO people (id, deleted_at) VALUES (9, now())")
    for policy in (PROPAGATE, DeletePolicy.IGNORE, SOFT):
        changed = await desk.service.update("people", UpdateSource(delete_policy=policy))
        assert (changed.delete_policy, changed.hides_deleted) == (policy, True)
    assert await desk.sql("SELECT id FROM people WHERE deleted_at IS NOT NULL") == [(9,)]


async def test_an_adopted_table_needs_a_mark_that_marks(desk: Desk) -> None:  # noqa: F811
    await desk.sql("CREATE TABLE folk (id int PRIMARY KEY, name text, city text, total float8)")
    await desk.sql("ALTER TABLE folk REPLICA IDENTITY FULL")
    with pytest.raises(BadUserInput, match=r'ALTER TABLE "public"\."folk" ADD "deleted_at" timestamptz;'):
        await desk.register(table="folk", adopt=True, delete_policy=SOFT)
    await desk.register(table="folk", adopt=True)
    with pytest.raises(BadUserInput, match=r'ALTER TABLE "public"\."folk" ADD "deleted_at" timestamptz;'):
        await desk.service.update("people", UpdateSource(delete_policy=SOFT))
    await desk.sql("ALTER TABLE folk ADD deleted_at timestamptz NOT NULL DEFAULT now()")
    with pytest.raises(BadUserInput, match="must be timestamptz, allow NULL"):
        await desk.service.update("people", UpdateSource(delete_policy=SOFT))
    await desk.sql("ALTER TABLE folk ALTER deleted_at DROP NOT NULL, ALTER deleted_at DROP DEFAULT")
    changed = await desk.service.update("people", UpdateSource(delete_policy=SOFT))
    assert changed.column("deleted_at") is None


async def test_a_header_of_that_name_is_no_mark(desk: Desk, people: Bench) -> None:  # noqa: F811
    people.type("E1", [["Deleted at"], ["2026-01-01"]])
    with pytest.raises(BadUserInput, match='header "Deleted at" can\'t be column deleted_at'):
        await desk.register(delete_policy=SOFT)
    await desk.register(columns=(WantedColumn("gone", field="Deleted at"),), delete_policy=SOFT)
    assert await desk.sql(_MARK.format("people")) == [("timestamp with time zone",)]
