"""The set that a client builds is the query's result: random filters, rows and writers on a real Postgres."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from db.session import connect
from tests.examples import many
from tests.schema.ground import Ground, Json
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
EDITS = st.lists(
    st.tuples(
        st.sampled_from("iiuuukd"),
        VALUES["id"],
        VALUES["id"],
        st.fixed_dictionaries({name: st.none() | each for name, each in VALUES.items() if name != "id"}),
    ),
    min_size=1,
    max_size=12,
)
Edit = tuple[str, int, int, dict[str, Any]]

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
        """From where it was, until it is up to date or has that many batches."""
        async with ground.subscribe(CHANGES, {**self.asked, "after": self.cursor}) as stream:
            for _ in range(batches):
                batch = await stream.next()
                self.apply(batch)
                if batch["upToDate"]:
                    return


async def write(ground: Ground, edits: Sequence[Edit]) -> None:
    """Each edit as a commit, or a few as one; what can't be is left out."""
    async with await connect(ground.dsn, "rowcast test writer") as connection:
        for edit in edits:
            await edited(connection, edit)


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
        st.lists(EDITS, min_size=2, max_size=3),
    )
    def same(where: Json, columns: list[str] | None, ms: int, lanes: list[list[Edit]]) -> None:
        asyncio.run_coroutine_threadsafe(_same(ground, where, columns, ms, lanes), loop).result()

    await asyncio.to_thread(same)


async def test_a_dropped_table_leaves_its_subscription_where_it_was(ground: Ground) -> None:
    await ground.bind("things", COLUMNS_SQL, COLUMNS)
    await ground.sql("INSERT INTO things (id) VALUES (1)")
    client = Client({}, None, 0)
    async with ground.subscribe(CHANGES, client.asked) as stream:
        for batch in await stream.until_up_to_date():
            client.apply(batch)
        await ground.sql("INSERT INTO things (id) VALUES (2)")
        await ground.sql("DROP TABLE things")
        client.apply(await stream.next())
        assert sorted(client.rows) == [1, 2]
        # The same table again: what is written to it comes.
        await ground.sql(
            f"CREATE TABLE things ({COLUMNS_SQL})",
            "ALTER TABLE things REPLICA IDENTITY FULL",
            "ALTER PUBLICATION rowcast_tables ADD TABLE things",
        )
        await ground.sql("INSERT INTO things (id) VALUES (3)")
        client.apply(await stream.next())
    assert sorted(client.rows) == [1, 2, 3]
