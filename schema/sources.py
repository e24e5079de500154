"""Sources by name, and what a query of one source's table needs to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from db.errors import NotFound
from db.rows import RowTable, row_table
from db.session import Connection
from db.sources import DELETED_AT, DeletePolicy, Source, source_by_name
from db.wire import ColumnType
from schema.filters import EVERYTHING, Filter, FilterColumn, IsNull
from schema.table_errors import table_errors

_MARK = FilterColumn(DELETED_AT, ColumnType.TIMESTAMPTZ, oid=1184)


@dataclass(frozen=True, slots=True)
class Opened:
    """A source with its table as it stands now."""

    source: Source
    table: RowTable

    @property
    def filterable(self) -> Mapping[str, FilterColumn]:
        """The columns that filters may name. Generated ones aren't in the change log, so filters can't follow them."""
        return {
            name: FilterColumn(name, column.type, column.oid)
            for name, column in self.table.columns.items()
            if not column.generated
        }

    @property
    def orderable(self) -> Mapping[str, FilterColumn]:
        """The columns that rows may be ordered by."""
        return {name: FilterColumn(name, column.type, column.oid) for name, column in self.table.columns.items()}

    @property
    def visible(self) -> Filter:
        """What every row that clients see fulfils."""
        return IsNull(_MARK) if self.source.hides_deleted else EVERYTHING


async def find_source(connection: Connection, name: str) -> Source | None:
    """The source of that name."""
    # Only such names are ever given: a text that Postgres can't take doesn't get there.
    return await source_by_name(connection, name) if name.isascii() and name.isidentifier() else None


async def require_source(connection: Connection, name: str) -> Source:
    """The source of that name. NotFound if there is none."""
    source = await find_source(connection, name)
    if source is None:
        raise NotFound(f'There is no source "{name}": sources lists them.')
    return source


async def open_source(connection: Connection, name: str) -> Opened:
    """The source and its table. NotFound; Conflict where the table is no longer what was registered."""
    source = await require_source(connection, name)
    with table_errors(source):
        table = await row_table(connection, source.relation, source.key, [column.name for column in source.columns])
    soft = source.delete_policy is DeletePolicy.SOFT
    return Opened(source, replace(table, hides=source.hides_deleted, soft=soft))
