"""Writing into a real worksheet of the sandbox, while answers get lost and people sort and insert."""

import asyncio
from collections.abc import Iterator

import pytest

from db.errors import LeadershipLost, SourceUnreachable
from db.sources import Column
from db.wire import ColumnType
from sandbox.office import Office
from sandbox.workbook.a1 import Area
from sandbox.workbook.protection import ProtectedRange
from sync.retry import RetryPolicy
from sync.source import Written
from tests.sync.sheets import LINES, Bench, bench, delete, insert, update

ONE, TWO, THREE, NINE = '["1"]', '["2"]', '["3"]', '["9"]'
VALUES = r"POST .*values:batchUpdate"
BATCH = r"POST /v4/spreadsheets/[^/]*:batchUpdate"
READ = r"GET /v4/spreadsheets/[^/]*$"


@pytest.fixture
def people() -> Iterator[Bench]:
    with bench() as made:
        yield made


def names(rows: list[list[object]]) -> list[object]:
    return [row[1] for row in rows[1:]]


async def test_one_call_for_cells_and_one_for_rows(people: Bench) -> None:
    people.calls()
    outcome = await people.adapter().write(
        [
            update(TWO, name="Grace H", city=None),
            update(THREE, name="Alan T"),
            insert(NINE, id=9.0, name="Niklaus", city="Zürich", total=None),
            delete(ONE, name="Ada"),
        ]
    )
    assert await people.shown() == [
        ["ID", "Name", "City", "Total"],
        [2, "Grace H", "", "=A2*10"],
        [3, "Alan T", "Wilmslow", "=A3*10"],
        [9, "Niklaus", "Zürich", "=A4*10"],
    ]
    assert [written.key for written in outcome.written] == [TWO, THREE, NINE, ONE]
    assert not any(written.moved_on or written.problems for written in outcome.written)
    assert outcome.written[2].row is not None
    assert outcome.written[2].row.cells["total"] == 90.0
    assert outcome.written[3].row is None
    writes = [call for call in people.calls() if call.startswith("POST")]
    assert len(writes) == 2
    assert outcome.calls == 5


@pytest.mark.parametrize("text", ["=1+1", "+5", "0042", "1,5", "2026-01-31", "TRUE", "'quoted", "#N/A", "  blanks "])
async def test_texts_stay_texts(people: Bench, text: str) -> None:
    outcome = await people.adapter().write(
        [update(TWO, name=text), insert(NINE, id=9.0, name=text, city=None, total=None)]
    )
    assert [written.row.cells["name"] for written in outcome.written if written.row] == [text, text]
    assert [row.cells["name"] for key, row in (await people.rows()).items() if key in (TWO, NINE)] == [text, text]


async def test_a_formula_is_never_overwritten_and_the_other_cells_go_on(people: Bench) -> None:
    (written,) = (await people.adapter().write([update(TWO, total=5.0, city="New York")])).written
    assert [(problem.code, problem.address) for problem in written.problems] == [("FORMULA_CELL", "Sheet1!D3")]
    assert (await people.shown("C3:D3")) == [["New York", "=A3*10"]]
    (again,) = (await people.adapter().write([update(TWO, total=5.0)])).written
    assert again.problems
    assert not again.moved_on


async def test_a_row_that_changed_since_it_was_planned_is_left_alone(people: Bench) -> None:
    people.type("C3", [["Boston"]])
    written = (
        await people.adapter().write(
            [
                update(TWO, {"city": "Arlington"}, city="New York"),
                delete(ONE, city="Paris"),
                update('["77"]', name="nobody"),
                delete('["78"]'),
                insert(THREE, id=3.0, name="another Alan", city=None, total=None),
            ]
        )
    ).written
    assert [one.moved_on for one in written] == [True, True, True, False, True]
    assert (await people.shown("A3:C3")) == [[2, "Grace", "Boston"]]
    assert len(await people.rows()) == 3


async def test_what_is_already_so_takes_no_write(people: Bench) -> None:
    edits = [
        update(TWO, {"name": "old"}, name="Grace"),
        insert(THREE, id=3.0, name="Alan", city="Wilmslow", total=None),
        delete('["77"]'),
    ]
    people.calls()
    outcome = await people.adapter().write(edits)
    assert not any(written.moved_on for written in outcome.written)
    assert not [call for call in people.calls() if call.startswith("POST")]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429},
        {"status": 500},
        {"status": 503, "afterApply": True},
        {"drop": True},
        {"drop": True, "afterApply": True},
        {"status": 429, "times": 3},
    ],
)
async def test_changed_cells_survive_lost_requests_and_answers(people: Bench, fault: dict[str, object]) -> None:
    people.fault(VALUES, **fault)
    (written,) = (await people.adapter().write([update(TWO, {"name": "Grace"}, name="Grace H")])).written
    assert not written.moved_on
    assert names(await people.shown()) == ["Ada", "Grace H", "Alan"]


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"status": 503, "afterApply": True}])
async def test_rows_are_inserted_and_deleted_once(people: Bench, fault: dict[str, object]) -> None:
    people.fault(BATCH, **fault)
    edits = [insert(NINE, id=9.0, name="Niklaus", city=None, total=None), delete(ONE)]
    outcome = await people.adapter().write(edits)
    assert not any(written.moved_on for written in outcome.written)
    assert names(await people.shown()) == ["Grace", "Alan", "Niklaus"]


async def test_a_lost_answer_to_an_insert_that_was_made_is_no_loss(people: Bench) -> None:
    people.fault(BATCH, drop=True, afterApply=True)
    await people.adapter().write([insert(NINE, id=9.0, name="Niklaus", city=None, total=None), delete(ONE)])
    assert names(await people.shown()) == ["Grace", "Alan", "Niklaus"]


@pytest.mark.parametrize("edit", [insert(NINE, id=9.0, name="N", city=None, total=None), delete(ONE)])
async def test_without_an_answer_rows_are_not_sent_twice(people: Bench, edit: object) -> None:
    people.fault(BATCH, drop=True)
    with pytest.raises(SourceUnreachable, match="the next run looks"):
        await people.adapter().write([edit])  # type: ignore[list-item]
    assert names(await people.shown()) == ["Ada", "Grace", "Alan"]
    await people.adapter().write([edit])  # type: ignore[list-item]
    assert names(await people.shown()) != ["Ada", "Grace", "Alan"]


async def test_a_time_out_is_not_waited_for_for_ever() -> None:
    with bench(timeout_s=0.2) as people:
        people.fault(VALUES, delaySeconds=3, afterApply=True)
        (written,) = (await people.adapter().write([update(TWO, name="Grace H")])).written
        assert not written.moved_on
        assert names(await people.shown()) == ["Ada", "Grace H", "Alan"]


async def test_gives_up_and_says_so() -> None:
    with bench(retry=RetryPolicy(attempts=2)) as people:
        people.fault(VALUES, status=429, times=99)
        with pytest.raises(SourceUnreachable, match=r"quota.*Gave up after 2 attempts"):
            await people.adapter().write([update(TWO, name="Grace H")])


async def test_no_call_is_made_by_who_no_longer_leads(people: Bench) -> None:
    left = iter([None, None])

    def check() -> None:
        if next(left, False) is False:
            raise LeadershipLost("over")

    people.calls()
    with pytest.raises(LeadershipLost):
        # The look, the write of cells; then the look back is refused.
        await people.adapter(check).write([update(TWO, name="Grace H"), delete(ONE)])
    assert len(people.calls()) == 2


SORTED = [[line[0], line[1], line[2]] for line in (LINES[3], LINES[1], LINES[2])]  # 3, 1, 2


async def test_a_sort_between_look_and_write_is_repaired(people: Bench) -> None:
    people.type_after(READ, "A2", SORTED)
    (written,) = (await people.adapter().write([update(TWO, {"name": "Grace"}, name="Grace H")])).written
    assert written.moved_on
    assert written.row is not None
    assert written.row.cells["name"] == "Grace"
    # Row 3 is Ada's by now: her name was hit, and is back.
    assert names(await people.shown()) == ["Alan", "Ada", "Grace"]


async def test_each_of_many_hits_is_repaired(people: Bench) -> None:
    people.type_after(READ, "A2", SORTED)
    edits = [update(key, name=f"new {key}") for key in (ONE, TWO, THREE)]
    outcome = await people.adapter().write(edits)
    assert all(written.moved_on for written in outcome.written)
    assert [row[:3] for row in (await people.shown())[1:]] == [
        [3, "Alan", "Wilmslow"],
        [1, "Ada", "London"],
        [2, "Grace", "Arlington"],
    ]
    settled = await people.adapter().write(edits)
    assert not any(written.moved_on for written in settled.written)


async def test_a_sort_and_a_lost_answer_at_once_are_repaired(people: Bench) -> None:
    people.type_after(READ, "A2", SORTED)
    people.fault(VALUES, drop=True, afterApply=True)
    (written,) = (await people.adapter().write([update(TWO, {"name": "Grace"}, name="Grace H")])).written
    assert not written.moved_on
    assert names(await people.shown()) == ["Alan", "Ada", "Grace H"]


async def test_a_sort_while_the_repair_is_made_is_repaired(people: Bench) -> None:
    people.type_after(READ, "A2", SORTED)
    # After the look back: 2, 3, 1. The repair is meant for Ada, in row 3, and hits Alan.
    people.fault(
        READ, edit=people._edit("A2", [["2", "Grace", "A"], ["3", "Alan", "B"], ["1", "Grace H", "C"]], "Sheet1")
    )
    await people.adapter().write([update(TWO, {"name": "Grace"}, name="Grace H")])
    assert names(await people.shown()) == ["Grace", "Alan", "Ada"]


async def test_a_formula_that_was_hit_is_back(people: Bench) -> None:
    # A city by formula in Ada's row only, and Ada's row moved under the write.
    people.type("C2", [['="of row "&A2']])
    people.type_after(
        READ, "A2", [["2", "Grace", "Arlington"], ["1", "Ada", '="of row "&A3'], ["3", "Alan", "Wilmslow"]]
    )
    await people.adapter().write([update(TWO, {"city": "Arlington"}, city="New York")])
    assert (await people.shown("C2:C4")) == [["Arlington"], ['="of row "&A3'], ["Wilmslow"]]


async def test_a_row_inserted_above_by_a_person_gets_nothing_of_ours(people: Bench) -> None:
    lines = [list(LINES[1][:3]), ["", "", ""], list(LINES[2][:3]), list(LINES[3][:3])]
    people.type_after(READ, "A2", lines)
    (written,) = (await people.adapter().write([update(TWO, name="Grace H")])).written
    assert written.moved_on
    assert names(await people.shown()) == ["Ada", "", "Grace", "Alan"]


async def test_a_row_that_was_deleted_by_accident_is_back(people: Bench) -> None:
    people.type_after(READ, "A2", SORTED)
    (written,) = (await people.adapter().write([delete(TWO)])).written
    assert written.moved_on
    assert sorted(await people.rows()) == [ONE, TWO, THREE]
    row = (await people.rows())[ONE]
    assert (row.cells["name"], row.cells["total"], set(row.formulas)) == ("Ada", 10.0, {"total"})


async def test_an_edit_just_after_the_write_is_a_persons(people: Bench) -> None:
    people.type_after(VALUES, "B3", [["Admiral Grace"]])
    (written,) = (await people.adapter().write([update(TWO, name="Grace H")])).written
    assert written.moved_on
    assert names(await people.shown()) == ["Ada", "Admiral Grace", "Alan"]


@pytest.mark.parametrize("typed", ["22", "", "3"])
async def test_a_row_whose_key_a_person_changes_is_never_emptied(people: Bench, typed: str) -> None:
    people.type_after(READ, "A3", [[typed]])
    (written,) = (await people.adapter().write([update(TWO, name="Grace H")])).written
    assert written.moved_on
    assert names(await people.shown()) == ["Ada", "Grace H", "Alan"]


@pytest.mark.parametrize("typed", ["11", "", "2"])
async def test_a_row_that_was_hit_gets_its_own_back_although_its_key_changed(people: Bench, typed: str) -> None:
    people.type_after(READ, "A2", [SORTED[0], [typed, *SORTED[1][1:]], SORTED[2]])
    (written,) = (await people.adapter().write([update(TWO, {"name": "Grace"}, name="Grace H")])).written
    assert written.moved_on
    assert names(await people.shown()) == ["Alan", "Ada", "Grace"]


async def test_what_a_person_types_is_theirs_although_it_is_what_we_wrote(people: Bench) -> None:
    typed = [["2", "Gracie", "Arlington"], ["3", "Alan", "Wilmslow"], ["9", "Grace H", "Bern"]]
    people.type_after(VALUES, "A3", typed)
    await people.adapter().write([update(TWO, name="Grace H")])
    assert names(await people.shown()) == ["Ada", "Gracie", "Alan", "Grace H"]
    people.type_after(VALUES, "A3", [["22", "Grace K", "Bern"]])
    await people.adapter().write([update(TWO, name="Grace K")])
    assert names(await people.shown()) == ["Ada", "Grace K", "Alan", "Grace H"]


async def test_a_protected_cell_holds_up_no_other(people: Bench) -> None:
    protect(people, Area(2, 1, 3, 2))
    written = (
        await people.adapter().write(
            [update(ONE, name="A"), update(TWO, name="G", city="NYC"), update(THREE, name="T"), delete(TWO)]
        )
    ).written
    problems: list[tuple[str, str | None]] = [
        (problem.code, problem.address) for one in written[:3] for problem in one.problems
    ]
    assert problems == [("PROTECTED_CELL", "Sheet1!B3")]
    assert names(await people.shown())[::2] == ["A", "T"]


async def test_a_text_too_long_is_refused_before_it_is_sent(people: Bench) -> None:
    long = "x" * 50_001
    written: list[Written] = list(
        (
            await people.adapter().write(
                [update(TWO, name=long, city="NYC"), insert(NINE, id=9.0, name=long, city=None, total=None)]
            )
        ).written
    )
    assert [[problem.code for problem in one.problems] for one in written] == [["CELL_TOO_LONG"], ["CELL_TOO_LONG"]]
    assert (await people.shown("B3:C3")) == [["Grace", "NYC"]]


async def test_a_full_grid_grows(people: Bench) -> None:
    await people.batch(
        {"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 4, "endIndex": 1000}}},
        {"updateSheetProperties": {
            "properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}},
            "fields": "gridProperties.frozenRowCount",
        }},
    )  # fmt: skip
    await people.adapter().write([insert(NINE, id=9.0, name="Niklaus", city=None, total=None)])
    assert names(await people.shown()) == ["Ada", "Grace", "Alan", "Niklaus"]
    outcome = await people.adapter().write([delete(key) for key in (ONE, TWO, THREE, NINE)])
    assert not any(written.moved_on or written.problems for written in outcome.written)
    assert await people.rows() == {}


async def test_rows_go_into_an_empty_sheet_with_dates_shown_as_dates() -> None:
    columns = (
        Column("id", ColumnType.INTEGER, "ID"),
        Column("since", ColumnType.DATE, "Since"),
        Column("ok", ColumnType.BOOLEAN, "OK"),
    )
    with bench(columns, lines=[["ID", "", "Since", "OK"]]) as people:
        edits = [insert(f'["{number}"]', id=float(number), since=46053.0, ok=True) for number in (2, 1)]
        outcome = await people.adapter().write(edits)
        assert [written.row.cells for written in outcome.written if written.row] == [
            {"id": 2.0, "since": 46053.0, "ok": True},
            {"id": 1.0, "since": 46053.0, "ok": True},
        ]
        assert await people.shown("C2:D3", render="FORMATTED_VALUE") == [["2026-01-31", "TRUE"]] * 2


async def test_many_rows_go_in_several_calls_in_order(people: Bench) -> None:
    note = "ü" * 49_000
    edits = [insert(f'["{n}"]', id=float(n), name=note, city=str(n), total=None) for n in range(10, 22)]
    people.calls()
    await people.adapter().write([delete(ONE), *edits])
    assert len([call for call in people.calls() if call.startswith("POST")]) > 1
    rows = await people.shown()
    assert [row[0] for row in rows[1:]] == [2, 3, *range(10, 22)]
    assert rows[-1][3] == "=A15*10"


async def test_a_worksheet_renamed_in_between_is_followed(people: Bench) -> None:
    adapter = people.adapter()
    await adapter.read()
    await people.batch(
        {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "It's new"}, "fields": "title"}}
    )
    (written,) = (await adapter.write([update(TWO, name="Grace H")])).written
    assert written.row is not None
    assert written.row.addresses["name"] == "'It''s new'!B3"
    people.calls()
    await people.adapter().read()
    assert len(people.calls()) == 2


def protect(people: Bench, area: Area) -> None:
    """By the owner: whoever protects cells may edit them."""

    def work(office: Office) -> None:
        with office.drive.edit(people.book) as draft:
            draft.protections[1] = ProtectedRange(1, 0, area, ("somebody@example.com",))

    people.sandbox.do(work)


async def test_refused_rows_hold_up_no_other_rows(people: Bench) -> None:
    protect(people, Area(2, 0, 3, 26))
    note = "ü" * 49_000
    added = [insert(f'["{n}"]', id=float(n), name=note, city=None, total=None) for n in range(10, 18)]
    written = (await people.adapter().write([delete(ONE), delete(TWO), *added, delete(THREE)])).written
    assert [(one.key, problem.code) for one in written for problem in one.problems] == [(TWO, "PROTECTED_CELL")]
    assert sorted(await people.rows()) == sorted([TWO, *(f'["{n}"]' for n in range(10, 18))])


async def test_when_everything_is_refused_it_stops_trying(people: Bench) -> None:
    people.type("A2", [[str(n), f"n{n}", "", ""] for n in range(1, 41)])
    protect(people, Area(1, 0, 200, 26))
    people.calls()
    updates = [update(f'["{n}"]', name="new") for n in range(1, 41)]
    written = (await people.adapter().write(updates)).written
    refused = [one for one in written if one.problems]
    assert 20 <= len(refused) < 40
    assert all(one.moved_on for one in written if not one.problems)
    written = (await people.adapter().write([delete(f'["{n}"]') for n in range(1, 41)])).written
    refused = [one for one in written if one.problems]
    assert 20 <= len(refused) < 40
    assert len(await people.rows()) == 40


async def test_a_repair_is_tried_again_when_google_is_busy(people: Bench) -> None:
    people.type_after(READ, "A2", SORTED)
    people.fault(BATCH, status=503)
    await people.adapter().write([update(TWO, {"name": "Grace"}, name="Grace H")])
    assert names(await people.shown()) == ["Alan", "Ada", "Grace"]
    people.type_after(READ, "A2", [[str(n), name, "x"] for n, name in ((2, "Grace"), (3, "Alan"), (1, "Ada"))])
    people.fault(BATCH, status=503, afterApply=True)
    people.fault(BATCH, status=429)
    await people.adapter().write([delete(TWO)])
    # The delete is made in the end, and whatever it hit before is back.
    assert sorted(await people.rows()) in ([ONE, THREE], [ONE, TWO, THREE])


async def test_a_worksheet_renamed_between_look_and_write_is_followed(people: Bench) -> None:
    rename = {"updateSheetProperties": {"properties": {"sheetId": 0, "title": "Renamed"}, "fields": "title"}}
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            # Right before the write: by another program, from a thread of its own.
            asyncio.run_coroutine_threadsafe(people.batch(rename), loop).result()

    loop = asyncio.get_running_loop()
    (written,) = (await people.adapter(check).write([update(TWO, name="Grace H")])).written
    assert not written.problems
    assert not written.moved_on
    assert (await people.shown("Renamed!B3")) == [["Grace H"]]


async def test_a_sort_is_repaired_although_a_later_call_of_the_same_write_is_denied(people: Bench) -> None:
    long = "ü" * 49_000
    people.type("A2", [[str(n), f"n{n}", "", ""] for n in range(1, 11)])
    people.type_after(READ, "A2", [[str(n), f"n{n}", "", ""] for n in range(10, 0, -1)])
    people.fault(VALUES, edit=people._edit("F1", [[""]], "Sheet1"))
    people.fault(VALUES, status=429)
    await people.adapter().write([update(f'["{n}"]', {"name": f"n{n}"}, name=f"{n}{long}") for n in range(1, 11)])
    shown = [[row[0], row[1][:2]] for row in (await people.shown())[1:]]
    assert shown == [[n, f"{n}ü"[:2]] for n in range(10, 0, -1)]
