"""Sources by name, and what a query of one source's table needs to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from db.errors import BadUserInput, Conflict, NotFound
from db.rows import RowTable, row_table
from db.session import Connection
from db.sources import DELETED_AT, DeletePolicy, Source, source_by_name
from db.wire import ColumnType
from schema.access import Grant, Principal
from schema.filter_input import read_filter
from schema.filter_json import filter_from_json
from schema.filters import EVERYTHING, And, Filter, FilterColumn, IsNull
from schema.table_errors import table_errors

MARK = FilterColumn(DELETED_AT, ColumnType.TIMESTAMPTZ, oid=1184)
"""Set where a row counts as deleted. It is no column of the source, and rows of before it was are not deleted."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source with its table as it stands now, as one principal sees it.

    `allowed`: which rows it may see. `cut`: there are columns that it may not.
    """

    source: Source
    table: RowTable
    allowed: Filter = EVERYTHING
    cut: bool = False

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
        mark = IsNull(MARK) if self.source.hides_deleted else EVERYTHING
        return mark if self.allowed is EVERYTHING else And((mark, self.allowed))


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


async def open_source(connection: Connection, name: str, principal: Principal) -> Opened:
    """The source and its table, cut to what the principal may see.

    Forbidden; NotFound; Conflict where the table is no longer what was registered.
    """
    grant = principal.on(name)
    source = await require_source(connection, name)
    with table_errors(source):
        table = await row_table(connection, source.relation, source.key, [column.name for column in source.columns])
    soft = source.delete_policy is DeletePolicy.SOFT
    opened = Opened(source, replace(table, hides=source.hides_deleted, soft=soft))
    return opened if grant.whole else narrowed(opened, grant)


def narrowed(opened: Opened, grant: Grant) -> Opened:
    """What the grant leaves of it: its rows, its columns and the key. Conflict where it no longer fits the table."""
    allowed, table = EVERYTHING, opened.table
    condition = grant.condition()
    if condition is not None:
        try:
            # A clause of its own, so that it is never taken for no filter.
            allowed = And((read_filter(filter_from_json(condition), opened.filterable),))
        except BadUserInput as error:
            raise Conflict(f"This token's grant no longer fits the table: {error}") from error
    if grant.columns is not None:
        shown = {*grant.columns, *table.key}
        table = replace(table, columns={name: each for name, each in table.columns.items() if name in shown})
    return Opened(opened.source, table, allowed, cut=grant.columns is not None)
