"""A column deleted, inserted or renamed between our look and our write: nothing of ours stays in another one's."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from db.errors import SourceUnreachable
from sync.sheets import chunks
from sync.sheets.binding import Bound
from sync.sheets.grid import Grid
from sync.sheets.ids import IdWrite
from sync.sheets.repair import Entered, Restore
from sync.sheets.rows import Rows, read_rows
from sync.sheets.strays import strayed_ids
from sync.source import Cell, Edit
from tests.sync.sheets import MANAGED_COLUMNS, Bench, bench, delete, insert, update
from tests.sync.test_sheet_write import BATCH, NINE, ONE, THREE, TWO

SHEET: list[list[Any]] = [
    ["ID", "Name", "City", "Total"],
    [1, "Ada", "London", "=A2*10"],
    [2, "Grace", "Arlington", "=A3*10"],
    [3, "Alan", "Wilmslow", "=A4*10"],
]


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


def _columns(first: int, end: int) -> Mapping[str, Any]:
    return {"sheetId": 0, "dimension": "COLUMNS", "startIndex": first, "endIndex": end}


def _before_the_write(people: Bench, *requests: Mapping[str, Any], call: int = 2) -> Callable[[], None]:
    """To be asked before each call: another program changes the sheet right before one, which is the first write."""
    loop = asyncio.get_running_loop()
    return _before(call, lambda: asyncio.run_coroutine_threadsafe(people.batch(*requests), loop).result())


def _before(call: int, do: Callable[[], None]) -> Callable[[], None]:
    calls = count(1)

    def check() -> None:
        if next(calls) == call:
            do()

    return check


def _without(place: int) -> list[list[Any]]:
    return [line[:place] + line[place + 1 :] for line in SHEET]


@pytest.mark.parametrize(
    ("place", "edits"),
    [
        (1, [update(TWO, name="Grace H"), update(ONE, city="Paris")]),
        (1, [update(TWO, name="Grace H", city="New York")]),
        (2, [update(TWO, city="New York")]),
        (0, [update(TWO, name="Grace H"), update(THREE, city="Oslo")]),
        (0, [update(TWO, city=None)]),
        (1, [insert(NINE, id=9.0, name="Niklaus", city="Bern", total=None)]),
        (2, [insert(NINE, id=9.0, name="Niklaus", city="Bern", total=None)]),
        (0, [insert(NINE, id=9.0, name="Niklaus", city="Bern", total=None)]),
    ],
)
async def test_what_was_hit_is_back_before_the_write_ends(people: Bench, place: int, edits: Sequence[Edit]) -> None:
    gone = people.source.columns[place].field
    check = _before_the_write(people, {"deleteDimension": {"range": _columns(place, place + 1)}})
    with pytest.raises(
        SourceUnreachable, match=rf"{people.source.columns[place].name} went|header “{gone}” of the key"
    ):
        await people.adapter(check).write(edits)
    entered = [[cell for cell in line if not str(cell).startswith("=")] for line in await people.shown()]
    assert entered == [[cell for cell in line if not str(cell).startswith("=")] for line in _without(place)]


async def test_rows_are_deleted_although_another_column_goes(people: Bench) -> None:
    check = _before_the_write(people, {"deleteDimension": {"range": _columns(1, 2)}})
    with pytest.raises(SourceUnreachable, match="name went"):
        await people.adapter(check).write([delete(TWO)])
    assert [line[:2] for line in await people.shown()] == [line[:2] for line in _without(1) if line[0] != 2]


async def test_rows_of_a_call_before_one_that_is_refused_are_looked_at(
    people: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "MAX_BYTES", 1)
    move = _before_the_write(people, {"moveDimension": {"source": _columns(1, 2), "destinationIndex": 3}})
    refuse = _before(3, lambda: people.fault(BATCH, status=400))

    def check() -> None:
        move()
        refuse()

    ten = insert('["10"]', id=10.0, name="Barbara", city="Boston", total=None)
    written = (
        await people.adapter(check).write([insert(NINE, id=9.0, name="Niklaus", city="Bern", total=None), ten])
    ).written
    assert [(one.moved_on, len(one.problems)) for one in written] == [(False, 0), (True, 0)]
    # The next run inserts the other as the columns are by now.
    assert [line[:3] for line in await people.shown()][4:] == [[9, "Bern", "Niklaus"]]


async def test_a_header_typed_over_leaves_the_value_in_its_column(people: Bench) -> None:
    people.type_after(r"GET /v4/spreadsheets/[^/]*$", "C1", [["Town"]])
    with pytest.raises(SourceUnreachable, match="city went"):
        await people.adapter().write([update(TWO, city="New York")])
    assert await people.shown("A3:C3") == [[2, "Grace", "New York"]]


async def test_a_header_that_is_there_twice_by_now_ends_the_write(people: Bench) -> None:
    people.type_after(r"GET /v4/spreadsheets/[^/]*$", "D1", [["City"]])
    with pytest.raises(SourceUnreachable, match="“City” is there 2 times"):
        await people.adapter().write([update(TWO, city="New York")])
    assert await people.shown("A3:C3") == [[2, "Grace", "New York"]]


async def test_a_column_without_a_header_gets_its_values_back_when_one_is_inserted(people: Bench) -> None:
    await people.batch({"insertDimension": {"range": _columns(2, 3)}})
    people.type("C2", [["a"], ["note"], ["c"]])
    check = _before_the_write(people, {"insertDimension": {"range": _columns(1, 2)}})
    edit = update(TWO, name="Grace H", city="New York")
    (written,) = (await people.adapter(check).write([edit])).written
    assert written.moved_on
    assert await people.shown("A1:E4") == [
        ["ID", "", "Name", "", "City"],
        [1, "", "Ada", "a", "London"],
        [2, "", "Grace", "note", "Arlington"],
        [3, "", "Alan", "c", "Wilmslow"],
    ]


async def test_the_only_note_of_a_column_without_a_header_is_back(people: Bench) -> None:
    await people.batch({"insertDimension": {"range": _columns(2, 3)}})
    people.type("C3", [["note"]])
    # The note's column is now where the city was.
    check = _before_the_write(people, {"insertDimension": {"range": _columns(2, 3)}})
    await people.adapter(check).write([update(TWO, city="New York")])
    assert await people.shown("B3:E3") == [["Grace", "", "note", "Arlington"]]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (
            {"insertDimension": {"range": _columns(1, 2)}},
            [
                ["Name", "", "City", "rowcast_id"],
                ["Ada", "", "London"],
                ["Grace", "", "Arlington", "keep"],
                ["", "", "Oslo"],
            ],
        ),
        (
            {"moveDimension": {"source": _columns(2, 3), "destinationIndex": 0}},
            [["rowcast_id", "Name", "City"], ["", "Ada", "London"], ["keep", "Grace", "Arlington"], ["", "", "Oslo"]],
        ),
        (
            {"deleteDimension": {"range": _columns(0, 1)}},
            [["City", "rowcast_id"], ["London"], ["Arlington", "keep"], ["Oslo"]],
        ),
    ],
)
async def test_ids_that_land_in_another_column_are_taken_out_of_it(
    change: Mapping[str, Any], shown: Sequence[Sequence[str]]
) -> None:
    lines = [["Name", "City", "rowcast_id"], ["Ada", "London", ""], ["Grace", "Arlington", "keep"], ["", "Oslo", ""]]
    with bench(MANAGED_COLUMNS, ("rowcast_id",), lines, managed=True) as people:
        reading = await people.adapter(_before_the_write(people, change, call=3)).read()
        assert not reading.unsure
        after = await people.shown()
        place = shown[0].index("rowcast_id")
        assert [line[:place] + line[place + 1 :] for line in after] == [
            [*line[:place], *line[place + 1 :]] for line in shown
        ]
        ids = [line[place] for line in after[1:]]
        assert (len({*ids}), all(ids), ids[1]) == (3, True, "keep")


def _managed(places: Sequence[int], lines: Sequence[Sequence[Cell]]) -> Rows:
    """Name, city and id at those places."""
    header: list[Cell] = [None] * 4
    for column, place in zip(MANAGED_COLUMNS, places, strict=True):
        header[place] = column.field
    columns = list(zip(MANAGED_COLUMNS, places, strict=True))
    grid = Grid("people", 0, 1000, 26 + max(places) - 2, "UTC", [header, *lines], {}, {}, {})
    return read_rows(Bound(0, columns, columns[2:], managed=True, problems=()), grid)


def test_a_cell_that_was_cleared_instead_of_an_id_is_back() -> None:
    before = _managed((0, 1, 2), [["Ada", "London", "a"], [None, None, "stray"]])
    after = _managed((0, 2, 3), [["Ada", None, None, "a"], [None, None, None, "stray"]])
    assert strayed_ids(before, [IdWrite(1, None), IdWrite(2, None)], after) == [Restore(1, 2, Entered("London"))]
    assert strayed_ids(before, [IdWrite(2, None)], before) == []
