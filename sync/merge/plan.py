"""What the merge decides on and what it decides: the states of one row, and the plan for it. Types only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from db.base import BaseRow, Intent, SourceImage, TableImage, Turn
from db.changes import WireRow
from db.conflicts import WINNER, ConflictRecord, NewConflict
from db.failures import Failure, NewFailure
from db.sources import Column, ConflictPolicy, DeletePolicy, Direction
from db.sync_tables import TableRow
from sync.source import Edit, SourceRow
from sync.values.cell_mapping import CellMapping

# Failures of the table that only another value can mend. Others (a foreign key) may be mended elsewhere: they are
# tried again by every run.
LASTING = frozenset({"VALUE", "NOT_NULL", "CHECK"})

_NEVER = datetime.min.replace(tzinfo=UTC)

Times = Mapping[str | None, datetime]
"""When edits were made: of a cell by its column's name, of the row as one under None."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all rows of a run. `columns` are those that both sides have, without the key's.

    `mapping` is that of the source's cells. `generated` columns are the table's alone to change. `first`: nothing was
    ever merged, so a row that only one side has is no edit of it. `deletes` is what becomes of a row that the source no
    longer has. `overwrite`: a person wants the side that `direction` names to overwrite the other one.
    """

    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    direction: Direction
    policy: ConflictPolicy
    mapping: CellMapping
    generated: frozenset[str] = frozenset()
    first: bool = False
    deletes: DeletePolicy = DeletePolicy.PROPAGATE
    overwrite: bool = False

    @property
    def by(self) -> str:
        """Whose verdict it is that one side's edits don't count."""
        return WINNER if self.overwrite else self.direction.value


@dataclass(frozen=True, slots=True)
class RowState:
    """All that is known of one row. `vanished`: its absence from the source counts as a deletion there.

    `hidden` is the table's row where it is marked as deleted; to the merge the table then has none.
    `database_at` is when the table's edits were committed, without those that the log doesn't have yet; `source_at` the
    latest time at which the source's can have been made. Only LATEST_WINS asks for them.
    """

    key: str
    base: BaseRow | None = None
    source: SourceRow | None = None
    table: TableRow | None = None
    conflicts: tuple[ConflictRecord, ...] = ()
    failures: tuple[Failure, ...] = ()
    vanished: bool = False
    database_at: Times = field(default_factory=dict)
    source_at: Times = field(default_factory=dict)
    hidden: TableRow | None = None
    now: datetime = _NEVER


class EditKind(StrEnum):
    """REVIVE is the INSERT of a row that the table has, marked as deleted."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    REVIVE = "REVIVE"


@dataclass(frozen=True, slots=True)
class TableEdit:
    """An edit of the table, if the row still has version `xmin`. `texts` by column, without the key's.

    `settles` are the cells that are the source's image once it is done; `value` is what a refusal is recorded with.
    """

    kind: EditKind
    texts: Mapping[str, str | None]
    xmin: str | None
    settles: SourceImage
    value: WireRow


@dataclass(frozen=True, slots=True)
class SourceWrite:
    """An edit of the source, and what the table has for the cells that it writes."""

    kind: EditKind
    edit: Edit
    texts: TableImage
    value: WireRow


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What to do with one row. `source_image` and `table_image` are the base's before the edits are carried out.

    `pending` are the writes that may still arrive. `conflicts` are all that the row has now, `failures` all that stay
    or are found; any other open one is over. `wait`: not enough is known of the row in this run, so nothing of it
    changes, its records neither. `absent`: the table keeps the row though the source has it no more.
    """

    key: str
    source_image: SourceImage | None = None
    table_image: TableImage | None = None
    pending: tuple[Intent, ...] = ()
    table_edit: TableEdit | None = None
    source_write: SourceWrite | None = None
    conflicts: tuple[NewConflict, ...] = ()
    failures: tuple[NewFailure, ...] = ()
    wait: bool = False
    absent: bool = False
    turns: Mapping[str, Turn] = field(default_factory=dict)

    @property
    def joined(self) -> bool:
        """Whether both edits carry out one decision of a person, so that neither may go without the other."""
        edit, write = self.table_edit, self.source_write
        if edit is None or write is None:
            return False
        return edit.kind is EditKind.DELETE or not edit.texts.keys().isdisjoint(write.texts)
