"""Tables: ranges with a name, and a header whose columns have types."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class TableColumn:
    """`index` counts from the table's first column; `kind` is Google's ColumnType, `rule` JSON text of a dropdown's."""

    index: int
    name: str
    kind: str = "COLUMN_TYPE_UNSPECIFIED"
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`area` begins with the header. `look` is JSON text of the rows' properties."""

    table_id: str
    name: str
    sheet_id: int
    area: Area
    columns: tuple[TableColumn, ...] = ()
    look: str = ""

    def at(self, area: Area) -> "Table":
        """Where its cells are now; columns that went from its end are gone."""
        return replace(self, area=area, columns=tuple(c for c in self.columns if c.index < area.width))


def check(table: Table, others: Iterable[Table]) -> None:
    """Raises InvalidArgument where another table has its name or some of its cells, or it has no row or bad columns."""
    if not table.name.strip():
        raise InvalidArgument("The table name can't be empty.")
    if table.area.height < 2:
        raise InvalidArgument("A table must have a header and at least one row.")
    for other in others:
        if other.table_id == table.table_id:
            continue
        if other.name.lower() == table.name.lower():
            raise InvalidArgument(f"A table with the name '{table.name}' already exists.")
        if other.sheet_id == table.sheet_id and other.area.meets(table.area):
            raise InvalidArgument(f"The table overlaps with the table '{other.name}'.")
    indexes = [column.index for column in table.columns]
    if len(set(indexes)) < len(indexes) or not all(0 <= index < table.area.width for index in indexes):
        raise InvalidArgument("Column indexes must differ, and be within the table.")
    names = [column.name.lower() for column in table.columns]
    if len(set(names)) < len(names):
        raise InvalidArgument("Column names of a table must differ.")
