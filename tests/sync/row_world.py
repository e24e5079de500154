"""One row on both sides, without I/O: carries plans out as the engine does, so that the merge's properties can be told.

The sides are dicts; the base advances by `sync.runs.advance`, the records as `sync.runs.bookkeeping` keeps them.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from db.base import BaseRow
from db.conflicts import ConflictRecord, ConflictState, NewConflict
from db.failures import Failure, FailureState, NewFailure
from db.sources import Column, ConflictPolicy, DeletePolicy, Direction
from db.sync_tables import TableRow
from db.wire import ColumnType
from sync.merge.plan import EditKind, RowPlan, RowState, Rules, Times
from sync.merge.rows import merge_row
from sync.runs.advance import after_source_write, after_table_edit, begin_write, planned
from sync.sheets.mapping import SheetMapping
from sync.source import Cell, SourceRow, Written
from sync.values.cell_mapping import Unfit
from sync.values.mapping import cell_to_text, same_text

KEY = '["1"]'
AT = datetime(2030, 1, 1, tzinfo=UTC)
NAME = Column("name", ColumnType.TEXT, "Name")
AGE = Column("age", ColumnType.INTEGER, "Age")
TOTAL = Column("total", ColumnType.FLOAT, "Total", read_only=True)
COLUMNS = (NAME, AGE, TOTAL)


def rules(
    direction: Direction = Direction.TWO_WAY,
    policy: ConflictPolicy = ConflictPolicy.DATABASE_WINS,
    *,
    first: bool = False,
    deletes: DeletePolicy = DeletePolicy.PROPAGATE,
) -> Rules:
    key = (Column("id", ColumnType.INTEGER, "ID"),)
    return Rules(COLUMNS, key, direction, policy, SheetMapping(), first=first, deletes=deletes)


def _times(at: datetime | None) -> Times:
    return {} if at is None else {None: at, **{column.name: at for column in COLUMNS}}


@dataclass(slots=True)
class World:
    """`source` are the cells, `table` the texts, None where the row isn't there; `total` is what the formula shows.

    `hidden` are the texts of the table's row where it is marked as deleted.
    """

    rules: Rules
    base: BaseRow | None = None
    source: dict[str, Cell] | None = None
    table: dict[str, str | None] | None = None
    hidden: dict[str, str | None] | None = None
    total: Cell = None
    database_at: datetime | None = None
    source_at: datetime | None = None
    conflicts: list[ConflictRecord] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    now: datetime = AT
    recorded: list[NewConflict] = field(default_factory=list)

    def row(self) -> SourceRow | None:
        if self.source is None:
            return None
        cells = {**self.source, "total": self.total}
        return SourceRow(KEY, cells, frozenset({"total"}), {}, "A1", {})

    def state(self, *, vanished: bool = True) -> RowState:
        table = None if self.table is None else TableRow(KEY, dict(self.table), "1")
        return RowState(
            KEY,
            self.base,
            self.row(),
            table,
            tuple(self.conflicts),
            tuple(self.failures),
            vanished,
            _times(self.database_at),
            _times(self.source_at),
            hidden=None if self.hidden is None else TableRow(KEY, dict(self.hidden), "1", deleted=True),
            now=self.now,
        )

    def merge(self) -> RowPlan:
        return merge_row(self.state(), self.rules)

    def run(self) -> RowPlan:
        """Merge, and carry the plan out on both sides."""
        before, plan = self.row(), self.merge()
        assert not plan.wait
        base = planned(plan, self.base, self.rules)
        if plan.table_edit is not None:
            base = self._edit_table(plan, base)
        settled = set(plan.table_edit.texts if plan.table_edit is not None else ())
        complete = True
        if plan.source_write is not None:
            base = begin_write(base, plan.source_write, "id", AT)
            self._write_source(plan)
            after = after_source_write(base, plan.source_write, Written(KEY, self.row()), before, self.rules)
            base, settled, complete = after.base, settled | after.arrived, after.complete
        empty = base.source_image is None and base.table_image is None and not base.pending
        self.base = None if empty else base
        self._record(plan, settled, complete=complete and (plan.table_edit or plan.source_write) is not None)
        return plan

    def rest(self, limit: int = 4) -> list[RowPlan]:
        """Run until a plan has nothing to do; the plans. AssertionError if that never comes."""
        plans = []
        for _ in range(limit):
            plans.append(self.run())
            if _is_nothing(plans[-1]):
                return plans
        raise AssertionError("the merge does not come to rest")

    @property
    def absent(self) -> bool:
        """Whether the table keeps the row without the source."""
        return self.base is not None and self.base.absent

    def differing(self) -> set[str]:
        """The columns in which the sides don't agree; all where one side lacks the row."""
        row = self.row()
        if row is None or self.table is None:
            return set() if row is None and self.table is None else {column.name for column in COLUMNS}
        return {column.name for column in COLUMNS if not _agree(column, row.cells.get(column.name), self.table)}

    def _edit_table(self, plan: RowPlan, base: BaseRow) -> BaseRow:
        edit = plan.table_edit
        assert edit is not None
        assert (self.table is None) is (edit.kind in (EditKind.INSERT, EditKind.REVIVE))
        assert (self.hidden is not None) is (edit.kind is EditKind.REVIVE), "no key is inserted twice"
        returned: dict[str, str | None] = {}
        if edit.kind is EditKind.DELETE:
            self.hidden = self.table if self.rules.deletes is DeletePolicy.SOFT else None
        else:
            nulls: dict[str, str | None] = {column.name: None for column in COLUMNS}
            returned = {**(self.table or self.hidden or nulls), **edit.texts}
            self.hidden = None
        self.table = returned or None
        return after_table_edit(base, edit, returned, keep=plan.source_write is not None)

    def _write_source(self, plan: RowPlan) -> None:
        assert plan.source_write is not None
        edit = plan.source_write.edit
        if edit.cells is None:
            assert self.source is not None
            self.source = None
            return
        assert edit.insert is (self.source is None)
        assert "total" not in edit.cells, "a formula cell is never written"
        written = {name: cell for name, cell in edit.cells.items() if name != "id"}
        self.source = {**(self.source or {}), **written}

    def _record(self, plan: RowPlan, settled: set[str], *, complete: bool) -> None:
        known = {record.column: record for record in self.conflicts}
        self.recorded += plan.conflicts
        self.conflicts = [
            _conflict(found, known.get(found.column))
            for found in plan.conflicts
            if found.choice is None or (found.column not in settled if found.column is not None else not complete)
        ]
        self.failures = [_failure(found) for found in plan.failures]


def _is_nothing(plan: RowPlan) -> bool:
    return plan.table_edit is None and plan.source_write is None


def _agree(column: Column, cell: Cell, table: dict[str, str | None]) -> bool:
    try:
        return same_text(column.type, cell_to_text(column, cell), table[column.name])
    except Unfit:
        return False


def _conflict(found: NewConflict, known: ConflictRecord | None) -> ConflictRecord:
    record = ConflictRecord(
        id=1,
        source_id=UUID(int=0),
        source="people",
        key=found.key,
        kind=found.kind,
        column=found.column,
        base=found.base,
        database=found.database,
        source_value=found.source_value,
        state=ConflictState.OPEN,
        choice=found.choice,
        choice_value=None,
        asked=False,
        resolution=None,
        detected_at=AT,
        resolved_at=None,
        resolved_by=found.by,
    )
    if known is None or not known.asked:
        return record
    return replace(record, choice=known.choice, choice_value=known.choice_value, resolved_by=known.resolved_by)


def _failure(found: NewFailure) -> Failure:
    return Failure(
        id=1,
        source_id=UUID(int=0),
        source="people",
        key=found.key,
        column=found.column,
        address=found.address,
        side=found.side,
        value=found.value,
        code=found.code,
        message=found.message,
        attempts=1,
        state=FailureState.OPEN,
        first_at=AT,
        last_at=AT,
    )
