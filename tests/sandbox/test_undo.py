"""A person's edits taken back and made again, alone and with others at work in the same sheet."""

from collections.abc import Sequence

import pytest

from sandbox.drive import Drive, Editor, File, Loss
from sandbox.person.edits import Edited
from sandbox.person.history import Kind
from sandbox.person.person import Person
from sandbox.person.reverts import Reverted
from sandbox.settings import system_clock
from sandbox.workbook import structure, writing
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.protection import ProtectedRange
from sandbox.workbook.sheet import BLANK, PLAIN_COLUMN, Sheet
from sandbox.workbook.shifts import Dimension
from sandbox.workbook.spreadsheet import Spreadsheet
from sandbox.workbook.writing import entered_text

ME = Editor("me", "page 1")
OTHER = Editor("other", "page 2")
ROWS, COLUMNS = Dimension.ROWS, Dimension.COLUMNS


class Memory:
    """A drive's store that forgets."""

    def save(self, old: File | None, new: File, loss: Loss | None) -> None: ...

    def forget(self, file: File, loss: Loss) -> None: ...


class Desk:
    """One spreadsheet with five rows of two columns: a name, and a formula that reads it."""

    def __init__(self) -> None:
        self.drive = Drive(Memory(), system_clock)
        self.told: list[Edited] = []
        self.person = Person(self.drive, self.told.append)
        sheet = Sheet(7, "names", [BLANK] * 8, [PLAIN_COLUMN] * 4)
        rows = [[name, f"=A{number}"] for number, name in enumerate(("name", "Cleo", "Ada", "Bob", "Dan"), 1)]
        writing.write_block(sheet, 0, 0, rows, user_entered=True)
        self.file = self.drive.add(Spreadsheet("Test", [sheet]), (), "f").file_id

    @property
    def book(self) -> Spreadsheet:
        return self.drive.files[self.file].spreadsheet

    def shown(self) -> list[list[str]]:
        """What a person would type to get each cell, without what is empty at the ends."""
        sheet = self.book.sheet(7)
        used = sheet.used(sheet.whole)
        lines = [[entered_text(sheet.cell(row, column)) for column in range(used.right)] for row in range(used.bottom)]
        for line in lines:
            while line and not line[-1]:
                line.pop()
        return lines

    def type(self, row: int, column: int, block: Sequence[Sequence[str | None]], editor: Editor = ME) -> None:
        self.person.cells.type_block(self.file, 7, row, column, block, editor)

    def undo(self) -> Reverted:
        done = self.person.reverts.undo(self.file, ME)
        assert done is not None
        return done

    def redo(self) -> Reverted:
        done = self.person.reverts.redo(self.file, ME)
        assert done is not None
        return done


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_every_kind_of_edit_is_undone_exactly_and_made_again(desk: Desk) -> None:
    person, file = desk.person, desk.file
    states = [desk.book]
    for edit in (
        lambda: desk.type(1, 0, [["50%", None], [None, "=1+1"]]),
        lambda: person.cells.clear(file, 7, Area(0, 0, 3, 2), ME),
        lambda: person.lines.insert(file, 7, ROWS, 2, 2, ME),
        lambda: person.lines.delete(file, 7, ROWS, 0, 1, ME),
        lambda: person.lines.insert(file, 7, COLUMNS, 1, 1, ME),
        lambda: person.lines.delete(file, 7, COLUMNS, 0, 1, ME),
        lambda: person.cells.sort(file, 7, 0, True, ME),
        lambda: person.cells.paste(file, (7, Area(0, 0, 2, 2)), (7, Area(5, 0, 7, 2)), False, ME),
        lambda: person.cells.paste(file, (7, Area(0, 0, 2, 2)), (7, Area(9, 2, 10, 3)), True, ME),
        lambda: person.cells.fill(file, 7, Area(5, 0, 7, 2), ROWS, 5, True, ME),
        lambda: person.lines.set_lines(file, 7, ROWS, 1, 2, None, 40, ME),
        lambda: person.lines.set_lines(file, 7, COLUMNS, 1, 1, True, None, ME),
        lambda: person.lines.freeze(file, 7, 2, 1, ME),
        lambda: person.sheets.add(file, "more", ME),
        lambda: person.sheets.rename(file, 7, "people", ME),
        lambda: person.sheets.delete(file, desk.book.sheets[1].sheet_id, ME),
    ):
        edit()
        states.append(desk.book)
    for state in reversed(states[:-1]):
        assert desk.undo().kept == 0
        assert desk.book is state
    assert person.reverts.undo(file, ME) is None
    for state in states[1:]:
        desk.redo()
        assert desk.book is state
    assert person.reverts.redo(file, ME) is None


def test_an_undo_is_an_edit_of_a_person(desk: Desk) -> None:
    desk.type(1, 0, [["Cleopatra"]])
    desk.person.lines.insert(desk.file, 7, ROWS, 1, 2, ME)
    desk.undo()
    desk.undo()
    assert [(one.change, one.range, one.value, one.old_value) for one in desk.told] == [
        ("EDIT", "A2", "Cleopatra", "Cleo"),
        ("INSERT_ROW", "2:3", None, None),
        ("REMOVE_ROW", "2:3", None, None),
        ("EDIT", "A2", "Cleo", "Cleopatra"),
    ]


def test_what_others_typed_since_stays(desk: Desk) -> None:
    desk.type(1, 0, [["mine"], ["mine"], ["mine"]])
    desk.type(2, 0, [["theirs"]], OTHER)
    assert desk.undo() == Reverted(Kind.CELLS, 7, Area(1, 0, 4, 1), 1)
    assert [row[0] for row in desk.shown()] == ["name", "Cleo", "theirs", "Bob", "Dan"]
    assert desk.redo().kept == 0
    assert [row[0] for row in desk.shown()] == ["name", "mine", "theirs", "mine", "Dan"]


def test_cells_are_found_wherever_others_moved_their_rows(desk: Desk) -> None:
    desk.type(1, 0, [["mine"]])
    desk.type(6, 0, [["new"]])
    desk.person.cells.sort(desk.file, 7, 0, False, OTHER)
    desk.person.lines.insert(desk.file, 7, ROWS, 0, 1, OTHER)
    desk.undo()
    desk.undo()
    assert sorted(row[0] for row in desk.shown() if row) == ["Ada", "Bob", "Cleo", "Dan", "name"]


def test_each_page_undoes_its_own(desk: Desk) -> None:
    desk.type(1, 0, [["mine"]])
    desk.type(2, 0, [["theirs"]], OTHER)
    desk.person.reverts.undo(desk.file, OTHER)
    assert [row[0] for row in desk.shown()][1:3] == ["mine", "Ada"]
    desk.undo()
    assert [row[0] for row in desk.shown()][1:3] == ["Cleo", "Ada"]


def test_deleted_rows_come_back_to_where_their_neighbour_is(desk: Desk) -> None:
    desk.type(6, 0, [["=A3", "=B9"]])
    desk.person.lines.delete(desk.file, 7, ROWS, 2, 1, ME)
    assert desk.shown()[5] == ["=#REF!", "=B8"]
    desk.person.lines.insert(desk.file, 7, ROWS, 0, 1, OTHER)
    desk.type(1, 2, [["theirs"]], OTHER)
    desk.undo()
    assert desk.shown() == [
        [],
        ["name", "=A2", "theirs"],
        ["Cleo", "=A3"],
        ["Ada", "=A4"],
        ["Bob", "=A5"],
        ["Dan", "=A6"],
        [],
        ["=A4", "=B10"],
    ]


def test_inserted_rows_go_but_for_those_that_others_used(desk: Desk) -> None:
    desk.person.lines.insert(desk.file, 7, ROWS, 1, 3, ME)
    desk.type(2, 0, [["theirs"]], OTHER)
    assert desk.undo().kept == 1
    assert [row[0] for row in desk.shown()] == ["name", "theirs", "Cleo", "Ada", "Bob", "Dan"]


def test_a_sort_is_undone_with_what_others_typed_into_the_rows(desk: Desk) -> None:
    desk.person.cells.sort(desk.file, 7, 0, False, ME)
    assert desk.shown()[1] == ["Ada", "=A2"]
    desk.type(1, 2, [["of Ada"]], OTHER)
    desk.undo()
    assert desk.shown() == [["name", "=A1"], ["Cleo", "=A2"], ["Ada", "=A3", "of Ada"], ["Bob", "=A4"], ["Dan", "=A5"]]


def test_sizes_go_back_though_others_typed_and_stay_where_others_sized(desk: Desk) -> None:
    desk.person.lines.set_lines(desk.file, 7, COLUMNS, 0, 2, None, 200, ME)
    desk.person.lines.set_lines(desk.file, 7, ROWS, 1, 1, True, None, ME)
    desk.person.lines.insert(desk.file, 7, ROWS, 0, 1, OTHER)
    desk.person.lines.set_lines(desk.file, 7, COLUMNS, 1, 1, None, 50, OTHER)
    sheet = desk.book.sheet(7)
    assert [row.hidden for row in sheet.rows[:3]] == [False, False, True]
    assert (desk.undo().kept, desk.undo().kept) == (0, 1)
    sheet = desk.book.sheet(7)
    assert not any(row.hidden for row in sheet.rows)
    assert [column.pixels for column in sheet.columns] == [None, 50, None, None]
    desk.redo()
    assert [column.pixels for column in desk.book.sheet(7).columns] == [200, 50, None, None]


def test_what_can_not_be_undone_says_why_and_the_one_before_is_next(desk: Desk) -> None:
    desk.type(1, 0, [["mine"]])
    desk.person.lines.insert(desk.file, 7, COLUMNS, 2, 1, ME)
    desk.type(2, 3, [["theirs"]], OTHER)
    before = desk.shown()
    with pytest.raises(InvalidArgument, match="others have changed the spreadsheet since"):
        desk.undo()
    with pytest.raises(InvalidArgument, match="columns were inserted, deleted or moved since"):
        desk.undo()
    assert desk.shown() == before
    assert desk.person.reverts.undo(desk.file, ME) is None


def test_a_new_edit_ends_what_could_be_made_again(desk: Desk) -> None:
    desk.type(1, 0, [["mine"]])
    desk.undo()
    desk.type(1, 0, [["new"]])
    assert desk.person.reverts.redo(desk.file, ME) is None


def test_an_undo_of_protected_cells_is_refused(desk: Desk) -> None:
    desk.type(1, 0, [["mine"]])
    with desk.drive.edit(desk.file) as draft:
        draft.protections[1] = ProtectedRange(1, 7, Area(1, 0, 2, 1))
    with pytest.raises(InvalidArgument, match="protected cell"):
        desk.undo()
    assert desk.shown()[1][0] == "mine"


def test_metadata_comes_back_with_a_column(desk: Desk) -> None:
    from sandbox.workbook.metadata import DeveloperMetadata, Location

    with desk.drive.edit(desk.file) as draft:
        where = Location(7, COLUMNS, 1, 2)
        draft.metadata[5] = DeveloperMetadata(5, "key", "value", "DOCUMENT", where)
    desk.person.lines.delete(desk.file, 7, COLUMNS, 1, 1, ME)
    assert desk.book.metadata == {}
    desk.undo()
    assert desk.book.metadata[5].location.start == 1


def test_history_goes_with_the_file(desk: Desk) -> None:
    desk.type(1, 0, [["mine"]])
    desk.drive.remove(desk.file)
    desk.drive.add(Spreadsheet("Test"), (), desk.file)
    assert desk.person.reverts.undo(desk.file, ME) is None


def test_structure_counts_what_moves_columns(desk: Desk) -> None:
    with desk.drive.edit(desk.file) as draft:
        structure.move(draft, draft.sheet(7), COLUMNS, 0, 1, 3)
        structure.move(draft, draft.sheet(7), ROWS, 0, 1, 3)
        assert draft.sheet(7).column_moves == 1
