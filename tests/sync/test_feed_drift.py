"""Fields that come to a feed's records, go from them, and are back, while the sync goes on."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest

from db.feeds import FeedBinding, FeedFormat
from db.runs import RunState
from db.session import make_pool
from db.sources import Column, DriftPolicy, source_by_id, update_source
from db.wire import ColumnType
from sync.feeds.fields import FieldWatch, readable
from sync.feeds.records import Body
from sync.feeds.rows import record_format
from sync.seen_columns import SeenColumns
from tests.sync.feeds import COLUMNS, NAMESPACES, RATES, XML_COLUMNS, make_source
from tests.sync.test_feed_engine import World, world


@pytest.fixture
async def at(database: str) -> AsyncIterator[World]:
    async with world(database) as made:
        for record in made.service.records.values():
            del record["extra"]
        async with make_pool(database, "leader") as pool, pool.connection() as connection:
            source = await source_by_id(connection, made.source.id)
            assert source is not None
            await update_source(connection, replace(source, drift_policy=DriftPolicy.ADD_COLUMNS))
        await made.run()
        told(made)
        yield made


def told(at: World) -> list[str]:
    """The messages of the drift since the last look."""
    found = [message for (message,) in at.sql("SELECT message FROM rowcast.events WHERE kind = 'DRIFT' ORDER BY id")]
    at.sql("DELETE FROM rowcast.events WHERE kind = 'DRIFT'")
    return found


async def test_a_new_field_becomes_a_column_that_syncs_both_ways(at: World) -> None:
    at.service.records["2"]["color"] = "red"
    at.service.records["3"]["size"] = {"cm": 12}
    await at.run()
    assert at.sql("SELECT id, color, size_cm FROM orders ORDER BY id") == [
        (1, None, None),
        (2, "red", None),
        (3, None, 12),
    ]
    assert told(at) == [
        "The new field “color” ($[1].color) is column color (TEXT) now.",
        "The new field “size.cm” ($[2].size.cm) is column size_cm (INTEGER) now.",
    ]
    at.sql("UPDATE orders SET color = 'blue', size_cm = 7 WHERE id IN (1, 3)")
    assert (await at.run()).state is RunState.SUCCEEDED
    assert at.service.records["1"] == {"id": 1, "item": "n1", "color": "blue", "size": {"cm": 7}}
    assert at.service.records["3"]["size"] == {"cm": 7}
    assert told(at) == []


async def test_a_new_field_of_a_strict_source_is_told_once(at: World) -> None:
    async with make_pool(at.dsn, "leader") as pool, pool.connection() as connection:
        source = await source_by_id(connection, at.source.id)
        assert source is not None
        await update_source(connection, replace(source, drift_policy=DriftPolicy.STRICT))
    at.service.records["2"]["color"] = "red"
    await at.run()
    (message,) = told(at)
    assert message.startswith("The field “color” ($[1].color) is new and not synced: driftPolicy is STRICT.")
    at.service.records["1"]["color"] = "blue"
    await at.run()
    assert told(at) == []
    assert at.sql("SELECT count(*) FROM information_schema.columns WHERE column_name = 'color'") == [(0,)]


async def test_a_field_that_no_record_has_any_more_keeps_its_values_in_the_table(at: World) -> None:
    before = at.table()
    for record in at.service.records.values():
        del record["item"]
    await at.run()
    assert at.table() == before
    (message,) = told(at)
    assert message.startswith("The field “item” is gone: column item keeps its values in the table, and is bound again")
    at.sql("UPDATE orders SET item = 'kept' WHERE id = 3")
    await at.run()
    assert not any("item" in record for record in at.service.records.values()), "it is bound to nothing"
    at.service.records["1"]["item"] = "n1"
    at.service.records["2"]["item"] = "new"
    await at.run()
    assert told(at) == ["The field “item” is there: column item is bound to it."]
    await at.run()
    assert at.table()[1] == "n1"
    assert at.table()[3] == at.feed()[3] == "kept"


async def test_the_last_value_that_goes_with_its_field_is_an_edit(at: World) -> None:
    for id_ in "123":
        at.service.records[id_]["note"] = "urgent" if id_ == "2" else None
    await at.run()
    assert at.sql("SELECT id FROM orders WHERE note = 'urgent'") == [(2,)]
    told(at)
    for record in at.service.records.values():
        del record["note"]
    await at.run()
    assert at.sql("SELECT count(note) FROM orders") == [(0,)]
    assert told(at) == []


async def test_values_that_go_with_their_records_say_nothing_of_a_field(at: World) -> None:
    at.service.records = {"9": {"id": 9}}
    for _ in range(2):
        await at.run()
    assert told(at) == []


async def test_an_empty_feed_says_nothing_of_its_fields(at: World) -> None:
    kept = dict(at.service.records)
    at.service.records.clear()
    await at.run()
    assert (await at.run()).state is RunState.HELD
    at.service.records.update(kept)
    assert (await at.run()).state is RunState.SUCCEEDED
    assert told(at) == []


def watched(binding: FeedBinding, columns: Sequence[Column], document: str) -> SeenColumns:
    source = make_source(binding, columns, columns[0].name)
    records = record_format(binding, readable(source), 2**20)
    watch = FieldWatch(source, binding, records)
    for address, record in records.records(Body(BytesIO(document.encode()))):
        watch.see(address, record)
    return watch.columns()


@pytest.mark.parametrize(
    ("records", "new", "lost"),
    [
        ([{"id": 1, "item": "a", "price": {"amount": 1}, "tags": []}], [], set()),
        ([{"id": 1, "item": None, "price": {"amount": None}, "tags": None}], [], set()),
        ([{"id": 1, "price": {"amount": 1}, "tags": []}, {"id": 2}], [], {"item"}),
        ([{"id": 1, "item": "a", "price": None, "tags": {"deep": 1}}], [], {"price"}),
        ([{"id": 1, "item": "", "price": {"amount": 1, "unit": "EUR"}, "tags": 1}], ["price.unit TEXT"], set()),
        ([{"id": 1, "item": "", "price": {"amount": 1}, "tags": 1, "n": n} for n in (1, 2.5)], ["n FLOAT"], set()),
        ([{"id": 1, "item": "", "price": {"amount": 1}, "tags": 1, "n": n} for n in (None, None)], [], set()),
        ([{"id": 1, "item": "", "price": {"amount": 1}, "tags": 1, "n": n} for n in ([1], [])], ["n JSON"], set()),
        ([{"id": 1, "item": "", "price": {"amount": 1}, "tags": 1, "n": n} for n in ([1], "x")], ["n TEXT"], set()),
        ([{"id": 1, "item": "", "price": {"amount": 1}, "tags": 1, "a b": {"c.d": 1}}], ['"a b"."c.d" INTEGER'], set()),
        ([], [], set()),
    ],
)
def test_what_records_of_json_say_of_their_fields(records: list[Any], new: list[str], lost: set[str]) -> None:
    binding = FeedBinding("https://feed.example", FeedFormat.JSON, "@")
    seen = watched(binding, COLUMNS, json.dumps(records))
    assert [f"{one.column.field} {one.column.type}" for one in seen.new] == new
    assert seen.lost == lost
    assert seen.columns == COLUMNS


@pytest.mark.parametrize(
    ("change", "new", "lost"),
    [
        (("", ""), ["note TEXT"], set()),
        (("<note>kept</note>", ""), [], set()),
        (
            ("<note>kept</note>", '<note by="me"><m:at>2026-01-01</m:at></note>'),
            ["note/@by TEXT", "note/m:at DATE"],
            set(),
        ),
        (("m:since", "m:until"), ["m:until DATE", "note TEXT"], {"at"}),
        (("<m:since>2026-01-31</m:since>", "<m:since/>"), ["note TEXT"], set()),
        ((' unit="', ' units="'), ["value/@units INTEGER", "note TEXT"], {"unit"}),
    ],
)
def test_what_records_of_xml_say_of_their_fields(change: tuple[str, str], new: list[str], lost: set[str]) -> None:
    binding = FeedBinding("https://feed.example", FeedFormat.XML, "/rates/rate", NAMESPACES)
    seen = watched(binding, XML_COLUMNS, RATES.replace(*change) if change[0] else RATES)
    assert [f"{one.column.field} {one.column.type}" for one in seen.new] == new
    assert seen.lost == lost


def test_a_field_that_is_back_is_bound_by_its_former_path() -> None:
    columns = (COLUMNS[0], replace(COLUMNS[2], field=None, former="price.amount"))
    binding = FeedBinding("https://feed.example", FeedFormat.JSON, "@")
    assert watched(binding, columns, '[{"id": 1}]').columns == columns
    assert watched(binding, columns, '[{"id": 1, "price": {"amount": 2}}]').columns == (COLUMNS[0], COLUMNS[2])


def test_members_whose_names_are_data_do_not_become_columns_without_end() -> None:
    binding = FeedBinding("https://feed.example", FeedFormat.JSON, "@")
    records = [{"id": number, f"on {number}": 1} for number in range(1000)]
    seen = watched(binding, (Column("id", ColumnType.INTEGER, "id"),), json.dumps(records))
    assert len(seen.new) == 200
