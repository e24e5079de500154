"""The set that a client builds is the query's result: random filters, rows and writers on a real Postgres."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from db.session import connect
from tests.examples import many
from tests.schema.ground import GraphQLFailed, Ground, Json
from tests.strict_rows import StrictRows
from tests.things import COLUMNS, COLUMNS_SQL

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(1, 6),
    "word": st.sampled_from(["", "a", "A", "ab", "b%", "é"]),
    "n": st.integers(-2, 2),
    "big": st.integers(-2, 2).map(str),
    "exact": st.sampled_from(["0", "1.0", "1.00", "-0.5", "NaN"]),
    "day": st.sampled_from(["2026-01-31", "0044-03-15 BC", "infinity"]),
    "yes": st.booleans(),
}


@st.composite
def _leaves(draw: st.DrawFn) -> Json:
    name = draw(st.sampled_from(list(VALUES)))
    value = st.none() | VALUES[name]
    operators: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("eq", "ne", "gt", "gte", "lt", "lte"), value),
        "in": st.lists(VALUES[name], max_size=3),
        "isNull": st.booleans(),
    }
    if name == "word":
        operators |= {"like": st.sampled_from(["a%", "_", "%"]), "ilike": st.sampled_from(["A%", "b\\%"])}
    names = draw(st.lists(st.sampled_from(list(operators)), min_size=1, max_size=2, unique=True))
    return {"column": name, **{each: draw(operators[each]) for each in names}}


FILTERS: st.SearchStrategy[Json] = st.recursive(
    _leaves(),
    lambda inner: (
        st.fixed_dictionaries({"and": st.lists(inner, max_size=2)})
        | st.fixed_dictionaries({"or": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=5,
)


def _edits(kinds: str) -> st.SearchStrategy[list["Edit"]]:
    return st.lists(
        st.tuples(
            st.sampled_from(kinds),
            VALUES["id"],
            VALUES["id"],
            st.fixed_dictionaries({name: st.none() | each for name, each in VALUES.items() if name != "id"}),
        ),
        min_size=1,
        max_size=12,
    )


Edit = tuple[str, int, int, dict[str, Any]]
ROW_EDITS = "iiuuukd"
EDITS = _edits(ROW_EDITS)

CHANGES = """subscription($where: RowFilter, $columns: [String!], $ms: Int, $after: Cursor) {
  changes(source: "things", where: $where, columns: $columns, minIntervalMs: $ms, after: $after, snapshot: true) {
    cursor reset upToDate changes { operation key row before }
  }
}"""
ROWS = """query($where: RowFilter, $waitFor: Cursor) {
  rows(source: "things", where: $where, waitFor: $waitFor, first: 1000) { nodes { key data } asOf }
}"""


class Client(StrictRows):
    """As strict as a client can be."""

    def __init__(self, where: Json, columns: Sequence[str] | None, ms: int) -> None:
        super().__init__(columns)
        self.asked = {"where": where, "columns": columns, "ms": ms}

    def apply(self, batch: Json) -> None:
        super().apply(batch)
        assert not self.wrong, self.wrong

    async def follow(self, ground: Ground, batches: int) -> None:
        """From where it was, until it is up to date or has that many batches. Anew where the table was gone."""
        while True:
            try:
                async with ground.subscribe(CHANGES, {**self.asked, "after": self.cursor}) as stream:
                    for _ in range(batches):
                        batch = await stream.next()
                        self.apply(batch)
                        if batch["upToDate"]:
                            return
                    return
            except GraphQLFailed as failed:
                if failed.code != "CONFLICT":
                    raise
                self.rows, self.cursor = {}, None


MADE = (
    f"CREATE TABLE things ({COLUMNS_SQL})",
    "ALTER TABLE things REPLICA IDENTITY FULL",
    "INSERT INTO things (id, n) VALUES (1, 1), (2, 2)",
)
PUBLISHED = "ALTER PUBLICATION rowcast_tables ADD TABLE things"
TAKEN_OUT = "ALTER PUBLICATION rowcast_tables DROP TABLE things"
DDL: dict[str, Sequence[Sequence[str]]] = {
    "x": [("DROP TABLE things", *MADE, PUBLISHED)],
    "y": [("DROP TABLE things",), MADE, (PUBLISHED,)],
    "o": [(TAKEN_OUT,), ("DELETE FROM things WHERE id = 1",), (PUBLISHED,)],
    "r": [("DROP TABLE IF EXISTS old", "ALTER TABLE things RENAME TO old", *MADE, PUBLISHED)],
}
"""What is done to the table itself, each in some commits."""


async def write(ground: Ground, edits: Sequence[Edit]) -> None:
    """Each edit as a commit, or a few as one; what can't be is left out."""
    async with await connect(ground.dsn, "rowcast test writer") as connection:
        for edit in edits:
            if edit[0] in DDL:
                await alter(connection, DDL[edit[0]])
            else:
                with suppress(psycopg.errors.UndefinedTable):
                    await edited(connection, edit)


async def alter(connection: psycopg.AsyncConnection[Any], commits: Sequence[Sequence[str]]) -> None:
    """One after the other, and nobody else meanwhile."""
    await connection.execute("SELECT pg_advisory_lock(1)")
    for commit in commits:
        async with connection.transaction():
            for statement in commit:
                await connection.execute(statement.encode())
    await connection.execute("SELECT pg_advisory_unlock(1)")


async def edited(connection: psycopg.AsyncConnection[Any], edit: Edit) -> None:
    """Carries it out, unless it can't be."""
    kind, id_, other, values = edit
    names = list(values)
    given = ", ".join(["%s"] * len(names))
    if kind == "i":
        await connection.execute(
            f"INSERT INTO things (id, {', '.join(names)}) VALUES (%s, {given}) ON CONFLICT DO NOTHING".encode(),
            (id_, *values.values()),
        )
    elif kind == "u":
        # A few columns only, so that some updates touch none that a client follows.
        few = dict(list(values.items())[: 1 + other % 3])
        sets = ", ".join(f"{name} = %s" for name in few)
        await connection.execute(f"UPDATE things SET {sets} WHERE id = %s".encode(), (*few.values(), id_))
    elif kind == "k":
        await connection.execute(
            "UPDATE things SET id = %s WHERE id = %s AND NOT EXISTS (SELECT 1 FROM things WHERE id = %s)",
            (other + 10, id_, other + 10),
        )
    else:
        await connection.execute("DELETE FROM things WHERE id IN (%s, %s)", (id_, other + 10))


async def _same(
    ground: Ground, where: Json, columns: Sequence[str] | None, ms: int, lanes: Sequence[Sequence[Edit]]
) -> None:
    await ground.sql("TRUNCATE things")
    await write(ground, lanes[0])
    client = Client(where, columns, ms)
    await client.follow(ground, 1)
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(write(ground, lane))
        await client.follow(ground, 2)
    found = await ground.run(ROWS, {"where": where, "waitFor": client.cursor})
    # The rows say of what moment they are: another client goes on from there, this one catches up past it.
    other = Client(where, columns, ms)
    other.rows, other.cursor = client.expected(found["nodes"]), found["asOf"]
    await write(ground, lanes[-1])
    for each in (client, other):
        await each.follow(ground, 1_000_000)
    result = await ground.run(ROWS, {"where": where})
    assert client.rows == client.expected(result["nodes"])
    assert other.rows == client.rows


async def test_whatever_is_written_the_set_is_the_query_s_result(ground: Ground) -> None:
    await ground.bind("things", COLUMNS_SQL, COLUMNS)
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=many(12),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        FILTERS,
        st.none() | st.lists(st.sampled_from([column.name for column in COLUMNS]), max_size=3, unique=True),
        st.sampled_from([0, 0, 1, 20]),
        st.lists(_edits(ROW_EDITS * 2 + "".join(DDL)), min_size=2, max_size=3),
    )
    def same(where: Json, columns: list[str] | None, ms: int, lanes: list[list[Edit]]) -> None:
        asyncio.run_coroutine_threadsafe(_same(ground, where, columns, ms, lanes), loop).result()

    await asyncio.to_thread(same)


async def test_a_dropped_table_ends_a_subscription_as_it_does_a_query(ground: Ground) -> None:
    await ground.bind("things", COLUMNS_SQL, COLUMNS)
    await ground.sql("INSERT INTO things (id) VALUES (1)")
    client = Client({}, None, 0)
    async with ground.subscribe(CHANGES, client.asked) as stream:
        for batch in await stream.until_up_to_date():
            client.apply(batch)
        await ground.sql("INSERT INTO things (id) VALUES (2)")
        client.apply(await stream.next())
        assert sorted(client.rows) == [1, 2]
        await ground.sql("DROP TABLE things")
        with pytest.raises(GraphQLFailed) as ended:
            await stream.next()
    assert ended.value.code == (await ground.refused(ROWS, {})).code == "CONFLICT"
    async with ground.subscribe(CHANGES, client.asked) as stream:
        with pytest.raises(GraphQLFailed) as refused:
            await stream.next()
    assert refused.value.code == "CONFLICT"


async def test_another_table_of_the_name_is_sent_in_its_place(ground: Ground) -> None:
    await ground.bind("things", COLUMNS_SQL, COLUMNS)
    await ground.sql("INSERT INTO things (id) VALUES (1)")
    client = Client({}, None, 0)
    async with ground.subscribe(CHANGES, client.asked) as stream:
        for batch in await stream.until_up_to_date():
            client.apply(batch)
        await ground.sql("DROP TABLE things", *MADE, PUBLISHED)
        while not client.resets or not batch["upToDate"]:
            batch = await stream.next()
            client.apply(batch)
        await ground.sql("INSERT INTO things (id) VALUES (3)")
        client.apply(await stream.next())
        found = await ground.run(ROWS, {"waitFor": client.cursor})
    assert client.rows == client.expected(found["nodes"])
    assert sorted(client.rows) == [1, 2, 3]
