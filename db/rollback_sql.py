"""The statement that makes a table's rows what `rowcast_rollback` says. Composition only: no I/O.

One statement, so that foreign keys within the table are looked at when all of it is done. Within it deletes come first,
then updates, then inserts, so that unique values are free when they are needed: each part waits for those before it by
counting their rows.

`w` is a gathered row, `r` its image as columns, `t` a row of the table.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from db.keys import key_sql
from db.rows import RowTable
from db.sources import DELETED_AT

Shape = Sequence[str]
"""The names of the columns that an image has."""

_JSON = frozenset({114, 3802})
_MARK = sql.Identifier(DELETED_AT)


@dataclass(frozen=True, slots=True)
class RestoredColumn:
    """A column that an image can have. `type` is with length and precision; `always`: an identity that is never set."""

    name: str
    type: str
    oid: int
    always: bool


@dataclass(frozen=True, slots=True)
class Restoration:
    """What to compose for: the table, its columns but generated ones, and which of them the source computes."""

    table: RowTable
    columns: Sequence[RestoredColumn]
    read_only: Collection[str]

    def statement(self, shapes: Sequence[Shape], most: int) -> sql.Composable:
        """Gives the first `most` rows that clients see, by the table's select list, and after it two counts: of the
        rows that clients see no more, and of those that they see as they were. One row at least: it may be empty."""
        parts = [(sql.Identifier("gone"), self._delete())]
        updates = [self._update(shape, _after(parts)) for shape in shapes]
        parts += [(sql.Identifier(f"changed{n}"), one) for n, one in enumerate(updates) if one is not None]
        inserts = [self._insert(shape, _after(parts)) for shape in shapes]
        parts += [(sql.Identifier(f"back{n}"), one) for n, one in enumerate(inserts)]
        none = sql.SQL("SELECT {} FROM {} t WHERE false").format(self._returned, self.table.identifier)
        written = [none, *(sql.SQL("SELECT * FROM {}").format(name) for name, _ in parts[1:])]
        parts.append((sql.Identifier("written"), sql.SQL(" UNION ALL ").join(written)))
        return sql.SQL(
            """WITH {} SELECT shown.*, counted.* FROM (
                SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written WHERE NOT rowcast_visible),
                    (SELECT count(*) FROM written WHERE rowcast_visible)) counted
            LEFT JOIN (SELECT * FROM written WHERE rowcast_visible LIMIT {}) shown ON true"""
        ).format(
            sql.SQL(", ").join(sql.SQL("{} AS ({})").format(*part) for part in parts),
            sql.Literal(most),
        )

    def _delete(self) -> sql.Composable:
        same = [
            sql.SQL("t.{} = (w.key::json ->> {})::{}").format(
                sql.Identifier(name), sql.Literal(place), sql.SQL(self._column(name).type)
            )
            for place, name in enumerate(self.table.key)
        ]
        target, where = self.table.identifier, _all([sql.SQL("w.before IS NULL"), *same, self._same_key("t")])
        if self.table.soft:
            return sql.SQL(
                "UPDATE {} t SET {mark} = now() FROM rowcast_rollback w WHERE {} AND t.{mark} IS NULL RETURNING 1"
            ).format(target, where, mark=_MARK)
        return sql.SQL("DELETE FROM {} t USING rowcast_rollback w WHERE {} RETURNING 1").format(target, where)

    def _update(self, shape: Shape, after: sql.Composable) -> sql.Composable | None:
        """None where nothing of such a row can differ."""
        settable = [
            column
            for column in self._of(shape)
            if column.name not in self.table.key and column.name not in self.read_only and not column.always
        ]
        assignments = [_assignment(column) for column in settable]
        differences = [_differs(column) for column in settable]
        if self.table.hides and DELETED_AT not in shape:
            # Rows could not be marked then.
            assignments.append(sql.SQL("{} = NULL").format(_MARK))
            differences.append(sql.SQL("t.{} IS NOT NULL").format(_MARK))
        if not assignments:
            return None
        return sql.SQL("UPDATE {} t SET {} FROM {} WHERE {} AND ({}) RETURNING {}").format(
            self.table.identifier,
            sql.SQL(", ").join(assignments),
            self._images(shape),
            _all([_has(shape), after, self._matches("t")]),
            sql.SQL(" OR ").join(differences),
            self._returned,
        )

    def _insert(self, shape: Shape, after: sql.Composable) -> sql.Composable:
        names = [sql.Identifier(column.name) for column in self._of(shape)]
        there = sql.SQL("EXISTS (SELECT FROM {} o WHERE {})").format(self.table.identifier, self._matches("o"))
        return sql.SQL(
            "INSERT INTO {} AS t ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} WHERE {} AND NOT {} RETURNING {}"
        ).format(
            self.table.identifier,
            sql.SQL(", ").join(names),
            sql.SQL(", ").join(sql.SQL("r.{}").format(name) for name in names),
            self._images(shape),
            _all([_has(shape), after]),
            there,
            self._returned,
        )

    @property
    def _returned(self) -> sql.Composable:
        visible = sql.SQL("t.{} IS NULL").format(_MARK) if self.table.hides else sql.SQL("true")
        return sql.SQL("{}, {} AS rowcast_visible").format(self.table.selected, visible)

    def _images(self, shape: Shape) -> sql.Composable:
        typed = [
            sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type)) for column in self._of(shape)
        ]
        return sql.SQL("rowcast_rollback w CROSS JOIN LATERAL json_to_record(w.before) AS r({})").format(
            sql.SQL(", ").join(typed)
        )

    def _matches(self, alias: str) -> sql.Composable:
        same = [
            sql.SQL("{} = r.{}").format(sql.Identifier(alias, name), sql.Identifier(name)) for name in self.table.key
        ]
        return _all([*same, self._same_key(alias)])

    def _same_key(self, alias: str) -> sql.Composable:
        # Values can be equal and print differently, as those of a case-insensitive type: these are two keys.
        return sql.SQL("{} = w.key").format(key_sql(self.table.key, alias))

    def _of(self, shape: Shape) -> list[RestoredColumn]:
        return [column for column in self.columns if column.name in shape]

    def _column(self, name: str) -> RestoredColumn:
        return next(column for column in self.columns if column.name == name)


def _after(parts: Sequence[tuple[sql.Composable, sql.Composable]]) -> sql.Composable:
    counts = [sql.SQL("(SELECT count(*) FROM {})").format(name) for name, _ in parts]
    return sql.SQL("{} >= 0").format(sql.SQL(" + ").join(counts))


def _has(shape: Shape) -> sql.Composable:
    return sql.SQL("w.shape = ARRAY[{}]::text[]").format(sql.SQL(", ").join(map(sql.Literal, shape)))


def _assignment(column: RestoredColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.oid in _JSON:
        return sql.SQL("{name} = CASE WHEN {} THEN r.{name} ELSE t.{name} END").format(_differs(column), name=name)
    return sql.SQL("{name} = r.{name}").format(name=name)


def _differs(column: RestoredColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.oid in _JSON:
        # The log has JSON as clients see it, with doubles for numbers: compared with the table, more would differ.
        return sql.SQL("(w.before -> {name})::text IS DISTINCT FROM (w.latest -> {name})::text").format(
            name=sql.Literal(column.name)
        )
    return sql.SQL("t.{name}::text IS DISTINCT FROM r.{name}::text").format(name=name)


def _all(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" AND ").join(conditions)
