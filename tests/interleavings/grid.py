"""The worksheet as a person sees it, edited in the sandbox's own thread: nothing comes between a look and the edit."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from sandbox.office import Office
from sandbox.server import Sandbox
from sandbox.workbook import structure, writing
from sandbox.workbook.shifts import Dimension
from tests.interleavings.hook import hook_of
from tests.interleavings.ledger import Ledger
from tests.interleavings.sides import Sides
from tests.interleavings.unseen import Entries

HEADERS = ("id", "name", "city", "qty", "note", "total")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """The filled cells: `places` by header, `lines` are the rows below it, `index` counts from 0 in the sheet."""

    places: dict[str, int]
    lines: dict[int, dict[str, Any]]


class Grid:
    """One worksheet of its own spreadsheet. Implements `tests.interleavings.place.Place`."""

    def __init__(self, sandbox: Sandbox, name: str, ledger: Ledger) -> None:
        self._sandbox = sandbox
        self._ledger = ledger
        self._entries = Entries()
        self.spreadsheet = sandbox.workbook_id(name)

    def settings(self) -> dict[str, Any]:
        return {"sheet": {"spreadsheet": self.spreadsheet}}

    async def connect(self, sides: Sides) -> None:
        """Its trigger calls the source's hook."""
        hook = await hook_of(sides)
        await sides.control("POST", "triggers", {"spreadsheet": self.spreadsheet, "event": "change", **hook})

    def fill(self, rows: int) -> None:
        """The header, and rows with keys from 1 on."""
        lines = [tuple(HEADERS), *(_line(key, f"n{key}", f"c{key}", str(key), "") for key in range(1, rows + 1))]
        self._do(lambda office: office.person.cells.type_block(self.spreadsheet, 0, 0, 0, lines))

    def look(self) -> Look:
        """What is there now."""
        return self._do(self._look)

    def lines(self) -> list[dict[str, Any]]:
        return list(self.look().lines.values())

    def edit(self, row: int, column: str, value: str, *, person: bool) -> bool:
        """Types over a cell of a row; False where there are no rows."""

        def work(office: Office) -> bool:
            look = self._look(office)
            if not look.lines:
                return False
            index = list(look.lines)[row % len(look.lines)]
            self._ledger.forget([look.lines[index].get(column)])
            self._entries.enter([value], office.settings.clock())
            if person:
                office.person.cells.type_block(self.spreadsheet, 0, index, look.places[column], [(value,)])
            else:
                with office.drive.edit(self.spreadsheet) as draft:
                    writing.write_block(draft.sheet(0), index, look.places[column], [(value,)], user_entered=True)
            return True

        return self._do(work)

    def insert(self, at: int, cells: dict[str, str]) -> None:
        """A new line among the rows, typed in whole."""

        def work(office: Office) -> None:
            look = self._look(office)
            index = 1 + at % (len(look.lines) + 1)
            office.person.lines.insert(self.spreadsheet, 0, Dimension.ROWS, index, 1)
            total = f"={_letter(look.places['qty'])}{index + 1}*2"
            line = {look.places[name]: value for name, value in {**cells, "total": total}.items()}
            self._entries.enter(cells.values(), office.settings.clock())
            block = tuple(line.get(place) for place in range(max(line) + 1))
            office.person.cells.type_block(self.spreadsheet, 0, index, 0, [block])

        self._do(work)

    def delete(self, row: int) -> None:
        def work(office: Office) -> None:
            look = self._look(office)
            if look.lines:
                index = list(look.lines)[row % len(look.lines)]
                self._ledger.forget(look.lines[index].values())
                office.person.lines.delete(self.spreadsheet, 0, Dimension.ROWS, index, 1)

        self._do(work)

    def clear(self) -> None:
        """Deletes all rows."""

        def work(office: Office) -> None:
            lines = self._look(office).lines
            for index in reversed(lines):
                self._ledger.forget(lines[index].values())
                office.person.lines.delete(self.spreadsheet, 0, Dimension.ROWS, index, 1)

        self._do(work)

    def sort(self, column: str, *, descending: bool) -> None:
        self._do(lambda o: o.person.cells.sort(self.spreadsheet, 0, self._look(o).places[column], descending))

    def move_column(self, column: str, to: int) -> None:
        """By a program, as the API moves one; not before the key's."""

        def work(office: Office) -> None:
            at = self._look(office).places[column]
            with office.drive.edit(self.spreadsheet) as draft:
                structure.move(draft, draft.sheet(0), Dimension.COLUMNS, at, at + 1, to)

        self._do(work)

    def letter(self, column: str) -> str:
        """The letter of a column now."""
        return _letter(self.look().places[column])

    def tidy(self) -> None:
        """A line without a key keeps all deletes waiting: the person who left it there clears it."""

        def work(office: Office) -> None:
            look = self._look(office)
            for index, line in look.lines.items():
                if line.get("id") is None:
                    self._ledger.forget(line.values())
                    blank = [("",) * len(look.places)]
                    office.person.cells.type_block(self.spreadsheet, 0, index, 0, blank)

        self._do(work)

    def is_unseen(self, value: str) -> bool:
        def work(office: Office) -> bool:
            calls = [call for call in office.recorder.calls if self.spreadsheet in call.path]
            return self._entries.is_unseen(value, sorted(calls, key=attrgetter("at")))

        return self._do(work)

    def _look(self, office: Office) -> Look:
        file = office.drive.files[self.spreadsheet]
        sheet, calculation = file.spreadsheet.sheet(0), office.drive.calculation(file)
        used = sheet.used(sheet.whole)
        shown = [
            [calculation.value(sheet, row, column, sheet.cell(row, column)) for column in range(used.right)]
            for row in range(used.bottom)
        ]
        places = {str(header): place for place, header in enumerate(shown[0]) if header not in (None, "")}
        lines = {}
        for index, cells in enumerate(shown[1:], 1):
            line = {name: cells[place] for name, place in places.items() if cells[place] not in (None, "")}
            if set(line) - {"total"}:
                lines[index] = line
        return Look(places, lines)

    def _do(self, work: Callable[[Office], T]) -> T:
        return self._sandbox.do(work)


def _line(key: int, name: str, city: str, qty: str, note: str) -> tuple[str, ...]:
    return (str(key), name, city, qty, note, f"=D{key + 1}*2")


def _letter(place: int) -> str:
    return "ABCDEFGHIJ"[place]
