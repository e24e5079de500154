"""A row filter as an SQL condition, its operands as parameters. Must agree with `filter_predicate` on every row."""

from dataclasses import dataclass, field

from psycopg import sql

from db.wire import SQL_TYPES, ColumnType
from schema.filters import And, Compare, Filter, FilterColumn, IsNull, Like, Not, OneOf, Operand, Or

_REAL = 700
_PLAIN_TEXT = frozenset({25, 1043})


@dataclass(slots=True)
class Parameters:
    """Collects `$n` parameters, all as text: identifiers may then hold any character, `%` too."""

    values: list[str | None] = field(default_factory=list)

    def add(self, value: str | None) -> sql.Composable:
        """The placeholder of one more value."""
        self.values.append(value)
        return sql.SQL(f"${len(self.values)}")


def operand_sql(column: FilterColumn) -> sql.Composable:
    """The column as it compares and orders: as its wire value does, so text by code point and real as printed."""
    name = sql.Identifier(column.name)
    if column.type is ColumnType.TEXT and column.oid not in _PLAIN_TEXT:
        # An enum, inet, char(n) …: on the wire it is what Postgres prints, which `::text` is not for all of them.
        return sql.SQL("""(CASE WHEN {} IS NOT NULL THEN concat({}) END COLLATE "C")""").format(name, name)
    if column.type is ColumnType.TEXT:
        return sql.SQL('({} COLLATE "C")').format(name)
    if column.oid == _REAL:
        return sql.SQL("({}::text::double precision)").format(name)
    return name


def value_sql(column: FilterColumn, operand: Operand | None, parameters: Parameters) -> sql.Composable:
    """A value to compare `operand_sql(column)` with."""
    text = None if operand is None else operand.text
    return sql.SQL("{}::{}").format(parameters.add(text), sql.SQL(SQL_TYPES[column.type]))


def condition(part: Filter, parameters: Parameters) -> sql.Composable:
    """The condition; NULL where the filter is unknown."""
    match part:
        case Compare(column, comparison, operand):
            return sql.SQL("({} {} {})").format(
                operand_sql(column), sql.SQL(comparison.value), value_sql(column, operand, parameters)
            )
        case OneOf(_, ()):
            return sql.SQL("false")
        case OneOf(column, operands):
            values = sql.SQL(", ").join([value_sql(column, operand, parameters) for operand in operands])
            return sql.SQL("({} IN ({}))").format(operand_sql(column), values)
        case IsNull(column) if column.type is ColumnType.JSON:
            # On the wire JSON's own null is null too.
            return sql.SQL("(coalesce(btrim({}::text, E' \\t\\n\\r'), 'null') = 'null')").format(
                sql.Identifier(column.name)
            )
        case IsNull(column):
            return sql.SQL("({} IS NULL)").format(sql.Identifier(column.name))
        case Like(column, pattern, fold):
            return sql.SQL("({} {} {}::text)").format(
                operand_sql(column), sql.SQL("ILIKE" if fold else "LIKE"), parameters.add(pattern)
            )
        case And(parts):
            return _joined(" AND ", parts, "true", parameters)
        case Or(parts):
            return _joined(" OR ", parts, "false", parameters)
        case Not(inner):
            return sql.SQL("(NOT {})").format(condition(inner, parameters))


def _joined(word: str, parts: tuple[Filter, ...], none: str, parameters: Parameters) -> sql.Composable:
    if not parts:
        return sql.SQL(none)
    return sql.SQL("({})").format(sql.SQL(word).join([condition(part, parameters) for part in parts]))
