"""A source in memory, a second implementation of the adapter's contract: for tests of what the engine does with one.

Its steps can be made to fail: `fail_at` names a step, and the next time that it is reached `Broken` is raised there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from db.errors import SourceUnreachable
from sync.sheets.mapping import SheetMapping
from sync.source import (
    NOTHING_IN_DOUBT,
    UNKEPT,
    Cell,
    Edit,
    InDoubt,
    LastShown,
    Mark,
    Problem,
    Reading,
    RowCalls,
    SourceRow,
    WriteOutcome,
    Written,
    nothing_shown,
)


class Broken(Exception):
    """The process ended here."""


@dataclass(slots=True)
class MemorySource:
    """Rows by key text. `formulas` computes columns from a row's other cells; `refuse` names what can't be set."""

    rows: dict[str, dict[str, Cell]] = field(default_factory=dict)
    formulas: Mapping[str, Callable[[Mapping[str, Cell]], Cell]] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refuse: set[tuple[str, str | None]] = field(default_factory=set)
    unsure: bool = False
    copied: set[str] = field(default_factory=set)
    unreachable: str | None = None
    rest_s: float = 0.0
    modified_at: datetime | None = None
    fail_at: str | None = None
    lose_answer: bool = False
    after_read: Callable[[], object] | None = None
    before_write: Callable[[], object] | None = None
    after_write: Callable[[], object] | None = None
    overtake: tuple[str, str, Cell] | None = None
    version: int = 0
    reads: int = 0
    writes: list[Edit] = field(default_factory=list)

    def edit(self, key: str, **cells: Cell) -> None:
        """A person's edit; a new key is a new row."""
        self.rows.setdefault(key, {}).update(cells)
        self.version += 1

    def delete(self, *keys: str) -> None:
        """A person deletes rows."""
        for key in keys:
            del self.rows[key]
        self.version += 1

    def shows(self, key: str) -> dict[str, Cell]:
        """The row with its formulas' results."""
        cells = self.rows[key]
        return {**cells, **{name: formula(cells) for name, formula in self.formulas.items()}}

    def step(self, name: str) -> None:
        if self.fail_at == name:
            self.fail_at = None
            raise Broken(name)

    async def mark(self) -> Mark:
        if self.unreachable:
            raise SourceUnreachable(self.unreachable)
        return {"version": str(self.version)}

    async def read(
        self,
        last_shown: LastShown = nothing_shown,  # noqa: ARG002
        in_doubt: InDoubt = NOTHING_IN_DOUBT,  # noqa: ARG002
    ) -> Reading:
        self.step("before read")
        if self.unreachable:
            raise SourceUnreachable(self.unreachable, rest_s=self.rest_s)
        self.reads += 1
        mark = await self.mark()
        rows = [self._row(key) for key in sorted(self.rows)]
        reading = Reading(
            rows, tuple(self.problems), self.unsure, mark, self.modified_at, 1, copied=frozenset(self.copied)
        )
        if self.after_read is not None:
            self.after_read()
        self.step("after read")
        return reading

    async def write(
        self,
        edits: Sequence[Edit],
        row_calls: RowCalls = UNKEPT,  # noqa: ARG002
        in_doubt: InDoubt = NOTHING_IN_DOUBT,  # noqa: ARG002
    ) -> WriteOutcome:
        self.step("before write")
        if self.unreachable:
            raise SourceUnreachable(self.unreachable)
        if self.before_write is not None:
            self.before_write()
        written = []
        for index, edit in enumerate(edits):
            if index == len(edits) // 2:
                self.step("amid write")
            written.append(self._write(edit))
        self.version += 1
        if self.after_write is not None:
            self.after_write()
            written = [replace(one, row=self._row(one.key) if one.key in self.rows else None) for one in written]
        if self.overtake is not None:
            # A person changes a cell that was just written: the row is reported as it is, and as moved on.
            (one, name, cell), self.overtake = self.overtake, None
            self.edit(one, **{name: cell})
            written = [replace(w, row=self._row(w.key), moved_on=True) if w.key == one else w for w in written]
        self.step("after write")
        if self.lose_answer:
            self.lose_answer = False
            raise SourceUnreachable("The answer was lost. Try again.")
        return WriteOutcome(written, 1)

    def _write(self, edit: Edit) -> Written:
        self.writes.append(edit)
        if (edit.key, None) in self.refuse:
            row = self._row(edit.key) if edit.key in self.rows else None
            return Written(edit.key, row, (Problem("PROTECTED", "The row is protected.", key=edit.key),))
        if edit.cells is None:
            if edit.key not in self.rows:
                return Written(edit.key, None)
            if not self._as_expected(edit):
                return Written(edit.key, self._row(edit.key), moved_on=True)
            del self.rows[edit.key]
            return Written(edit.key, None)
        if edit.insert is (edit.key in self.rows) or not self._as_expected(edit):
            row = self._row(edit.key) if edit.key in self.rows else None
            return Written(edit.key, row, moved_on=True)
        problems = []
        cells = self.rows.setdefault(edit.key, {})
        for name, cell in edit.cells.items():
            assert name not in self.formulas, "a formula cell was written"
            if (edit.key, name) in self.refuse:
                problems.append(Problem("PROTECTED", f"{name} is protected.", column=name, key=edit.key))
            else:
                cells[name] = cell
                self.errors.get(edit.key, {}).pop(name, None)
        return Written(edit.key, self._row(edit.key), tuple(problems))

    def _as_expected(self, edit: Edit) -> bool:
        shows = self.shows(edit.key) if edit.key in self.rows else {}
        return all(SheetMapping().unchanged(shows.get(name), cell) for name, cell in edit.expected.items())

    def _row(self, key: str) -> SourceRow:
        errors = self.errors.get(key, {})
        cells = {name: cell for name, cell in self.shows(key).items() if name not in errors}
        addresses = {name: f"rows!{name}:{key}" for name in (*cells, *errors)}
        return SourceRow(key, cells, frozenset(self.formulas), dict(errors), f"rows!{key}", addresses)
