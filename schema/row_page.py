"""A page of rows as SQL: the order, with the key to break ties, and where the page begins. Pure.

`after` holds the texts that the last row was ordered by, so pages neither repeat nor skip while rows are written, with
NULL among the values too. ASC has NULL last and DESC first, as in Postgres.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from psycopg import sql

from db.errors import BadUserInput
from db.wire import SQL_TYPES, ColumnType
from schema.enums import OrderDirection
from schema.filter_sql import Parameters, operand_sql
from schema.filters import FilterColumn
from schema.paging import decode_after, encode_after
from schema.row_types import RowOrder

_MAX_ORDER = 8


@dataclass(frozen=True, slots=True)
class Ordering:
    """One column of the order."""

    column: FilterColumn
    descending: bool


def read_order(
    given: Sequence[RowOrder] | None, key: Sequence[str], columns: Mapping[str, FilterColumn]
) -> tuple[Ordering, ...]:
    """The order with the key at its end. BadUserInput for what can't be ordered by."""
    order: dict[str, Ordering] = {}
    if given is not None and len(given) > _MAX_ORDER:
        raise BadUserInput(f"orderBy takes at most {_MAX_ORDER} columns.")
    for each in given or ():
        column = columns.get(each.column)
        if column is None:
            raise BadUserInput(f'There is no column "{each.column}" to order by: use one of {", ".join(columns)}.')
        if column.type is ColumnType.JSON:
            raise BadUserInput(f'"{each.column}" is JSON, which has no order.')
        if each.column in order:
            raise BadUserInput(f'orderBy names "{each.column}" twice.')
        order[each.column] = Ordering(column, each.direction is OrderDirection.DESC)
    for name in key:
        order.setdefault(name, Ordering(columns[name], descending=False))
    return tuple(order.values())


def order_sql(order: Sequence[Ordering]) -> sql.Composable:
    """The ORDER BY list."""
    return sql.SQL(", ").join(
        [
            sql.SQL("{} DESC NULLS FIRST" if each.descending else "{} ASC NULLS LAST").format(operand_sql(each.column))
            for each in order
        ]
    )


def encode_place(source: str, order: Sequence[Ordering], texts: Sequence[str | None]) -> str:
    """The `endCursor` of a page whose last row was ordered by these texts."""
    return encode_after("rows", [source, _signature(order), *texts])


def after_sql(source: str, order: Sequence[Ordering], after: str, parameters: Parameters) -> sql.Composable:
    """The condition of the rows behind `after`. BadUserInput if it is of another source or order."""
    owner, signature, *texts = decode_after("rows", after)
    if (owner, signature, len(texts)) != (source, _signature(order), len(order)):
        raise BadUserInput("`after` is from a page with another source or orderBy: begin with the first page.")
    alternatives: list[sql.Composable] = []
    equal: list[sql.Composable] = []
    for each, text in zip(order, cast("list[str | None]", texts), strict=True):
        operand = operand_sql(each.column)
        value = sql.SQL("{}::{}").format(parameters.add(text), sql.SQL(SQL_TYPES[each.column.type]))
        beyond = _beyond(operand, value, descending=each.descending, null=text is None)
        if beyond is not None:
            alternatives.append(sql.SQL("({})").format(sql.SQL(" AND ").join([*equal, beyond])))
        equal.append(sql.SQL("{} IS NOT DISTINCT FROM {}").format(operand, value))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(alternatives)) if alternatives else sql.SQL("false")


def _beyond(operand: sql.Composable, value: sql.Composable, *, descending: bool, null: bool) -> sql.Composable | None:
    """What comes after the value in its column; None: nothing does."""
    if null:
        return sql.SQL("{} IS NOT NULL").format(operand) if descending else None
    if descending:
        return sql.SQL("{} < {}").format(operand, value)
    return sql.SQL("({} > {} OR {} IS NULL)").format(operand, value, operand)


def _signature(order: Sequence[Ordering]) -> str:
    return ",".join(f"{'-' if each.descending else '+'}{each.column.name}" for each in order)
