"""Columns moved by a person between our look and our write: nothing of ours stays in another one's column."""

from collections.abc import Iterator

import pytest

from tests.sync.sheets import LINES, Bench, bench, delete, insert, update
from tests.sync.test_sheet_write import NINE, ONE, READ, THREE, TWO

MOVED = [[line[0], line[2], line[1]] for line in LINES]
"""City before Name; the formulas in D stay."""


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


async def _cells(people: Bench) -> dict[str, tuple[object, object]]:
    return {key: (row.cells["name"], row.cells["city"]) for key, row in (await people.rows()).items()}


async def test_a_cell_of_the_column_that_stands_there_now_is_put_back(people: Bench) -> None:
    people.type_after(READ, "A1", MOVED)
    edit = update(TWO, {"name": "Grace"}, name="Grace H")
    (written,) = (await people.adapter().write([edit])).written
    assert written.moved_on
    assert (await _cells(people))[TWO] == ("Grace", "Arlington")
    (written,) = (await people.adapter().write([edit])).written
    assert not written.moved_on
    assert (await _cells(people))[TWO] == ("Grace H", "Arlington")


async def test_columns_and_rows_that_move_at_once_are_told_apart(people: Bench) -> None:
    people.type_after(READ, "A1", [MOVED[0], MOVED[3], MOVED[1], MOVED[2]])
    edits = [update(key, name=f"new {key}") for key in (ONE, TWO, THREE)]
    assert all(written.moved_on for written in (await people.adapter().write(edits)).written)
    assert await _cells(people) == {ONE: ("Ada", "London"), TWO: ("Grace", "Arlington"), THREE: ("Alan", "Wilmslow")}


async def test_a_row_that_was_deleted_by_accident_comes_back_as_the_columns_are(people: Bench) -> None:
    people.type_after(READ, "A1", [MOVED[0], MOVED[2], MOVED[1], MOVED[3]])
    (written,) = (await people.adapter().write([delete(ONE)])).written
    assert written.moved_on
    assert await _cells(people) == {ONE: ("Ada", "London"), TWO: ("Grace", "Arlington"), THREE: ("Alan", "Wilmslow")}


async def test_a_row_inserted_in_the_old_order_is_taken_out(people: Bench) -> None:
    people.type_after(READ, "A1", MOVED)
    edit = insert(NINE, id=9.0, name="Edsger", city="Austin")
    (written,) = (await people.adapter().write([edit])).written
    assert written.moved_on
    (written,) = (await people.adapter().write([edit])).written
    assert not written.moved_on
    shown = await _cells(people)
    assert shown[NINE] == ("Edsger", "Austin")
    assert len(shown) == len(await people.shown("A2:A50")) == 4
