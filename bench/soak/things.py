"""The table of the soak, and what is written to it and asked of it at random."""

import random
from typing import Any, Final

from bench.live.ground import bind_idle
from tests.things import COLUMNS, COLUMNS_SQL

Json = Any

TABLE: Final = "things"
IDS: Final = 400
_VALUES: Final[dict[str, tuple[Json, ...]]] = {
    "word": ("", "a", "A", "ab", "b%", "é", None),
    "n": (-2, -1, 0, 1, 2, None),
    "big": ("-2", "0", "9007199254740993", None),
    "exact": ("0", "1.00", "-0.5", "NaN", None),
    "day": ("2026-01-31", "0044-03-15 BC", "infinity", None),
    "yes": (True, False, None),
}
_EXTRAS: Final = ("extra_one", "extra_two")


async def bind(dsn: str) -> None:
    """Make the table, once a server has made its publication, and give it a source that never runs."""
    await bind_idle(dsn, TABLE, [f"CREATE TABLE {TABLE} ({COLUMNS_SQL})"], COLUMNS)


Statement = tuple[str, tuple[Json, ...]]


def _values(chance: random.Random) -> tuple[Json, ...]:
    return tuple(chance.choice(values) for values in _VALUES.values())


def insert(chance: random.Random) -> Statement:
    """Of a row, unless it is there."""
    names = ", ".join(_VALUES)
    marks = ", ".join(["%s"] * len(_VALUES))
    text = f"INSERT INTO {TABLE} (id, {names}) VALUES (%s, {marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - ours
    return text, (chance.randint(1, IDS), *_values(chance))


def update(chance: random.Random) -> Statement:
    """Of a few columns of some rows."""
    names = chance.sample(list(_VALUES), chance.randint(1, 3))
    sets = ", ".join(f"{name} = %s" for name in names)
    first = chance.randint(1, IDS)
    given = (*(chance.choice(_VALUES[name]) for name in names), first, first + chance.choice((0, 0, 3, 40)))
    return f"UPDATE {TABLE} SET {sets} WHERE id BETWEEN %s AND %s", given  # noqa: S608 - ours


def move(chance: random.Random) -> Statement:
    """A row to another key, where that is free."""
    to = chance.randint(1, IDS)
    text = f"UPDATE {TABLE} SET id = %s WHERE id = %s AND NOT EXISTS (SELECT 1 FROM {TABLE} WHERE id = %s)"  # noqa: S608
    return text, (to, chance.randint(1, IDS), to)


def delete(chance: random.Random) -> Statement:
    """Some rows."""
    first = chance.randint(1, IDS)
    return f"DELETE FROM {TABLE} WHERE id BETWEEN %s AND %s", (first, first + chance.choice((0, 5)))  # noqa: S608


def fill(chance: random.Random) -> Statement:
    """Every row that isn't there, in one commit."""
    text = f"INSERT INTO {TABLE} (id, word, n) SELECT g, 'a', %s FROM generate_series(1, %s) g ON CONFLICT DO NOTHING"  # noqa: S608
    return text, (chance.randint(-2, 2), IDS)


def truncate(_: random.Random) -> Statement:
    return f"TRUNCATE {TABLE}", ()


def alter(chance: random.Random) -> Statement:
    """A column that isn't the source's comes or goes, or the table is written anew."""
    extra = chance.choice(_EXTRAS)
    return (
        chance.choice(
            (
                f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {extra} text DEFAULT 'x'",
                f"ALTER TABLE {TABLE} DROP COLUMN IF EXISTS {extra}",
                f"ALTER TABLE {TABLE} ALTER COLUMN word TYPE varchar(50)",
                f"ALTER TABLE {TABLE} ALTER COLUMN word TYPE text",
                f"CLUSTER {TABLE} USING {TABLE}_pkey",
            )
        ),
        (),
    )


KINDS: Final = ((insert, 40), (update, 40), (move, 8), (delete, 8), (fill, 2), (truncate, 0.5), (alter, 1.5))
"""Statements, and how often each."""


def statement(chance: random.Random) -> Statement:
    """Any."""
    made = chance.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])[0]
    return made(chance)


def where(chance: random.Random, depth: int = 2) -> Json:
    """A filter, or none."""
    kind = chance.choice(("all", "leaf", "leaf", "leaf", "and", "or", "not")) if depth else "leaf"
    match kind:
        case "all":
            return {}
        case "not":
            return {"not": where(chance, depth - 1)}
        case "and" | "or":
            return {kind: [where(chance, depth - 1) for _ in range(chance.randint(1, 3))]}
    if chance.random() < 0.3:
        return {"column": "id", chance.choice(("eq", "lt", "gte")): chance.randint(1, IDS)}
    name = chance.choice(list(_VALUES))
    given = [value for value in _VALUES[name] if value is not None]
    operator = chance.choice(("eq", "ne", "gt", "lte", "in", "isNull"))
    value: Json = chance.choice(given)
    if operator == "in":
        value = chance.sample(given, chance.randint(1, 2))
    elif operator == "isNull":
        value = chance.random() < 0.5
    return {"column": name, operator: value}
