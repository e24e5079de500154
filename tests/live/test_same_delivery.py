"""Whatever is asked and whatever is written, delivered together it is what stock Strawberry delivers."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from db.session import connect
from db.sources import SheetBinding, SourceState, insert_source
from tests.examples import many
from tests.live.client import Json, Live, shared, stock
from tests.live.test_delivery import joined
from tests.replication.leader import source_of
from tests.schema.test_same_set import EDITS, FILTERS, Edit, edited
from tests.server import ThreadServer
from tests.things import COLUMNS, COLUMNS_SQL

TABLE = "things"
BATCH = ("cursor", "transactionId", "committedAt", "cause", "actor", "snapshot", "reset", "last", "upToDate")
CHANGE = ("moved", "key", "row", "before", "changed", "operation")
DIRECTIVES = st.sampled_from(
    ["", "", " @include(if: $yes)", " @skip(if: $yes)", " @skip(if: $no) @include(if: $yes)", " @include(if: $no)"]
)
ALIKE: dict[str, Json] = {"yes": True, "no": False}


@st.composite
def _selection(draw: st.DrawFn, type_: str, names: Sequence[str], always: str) -> str:
    """Fields in any order, some twice, under other names, in fragments, left out by variables; and `always`."""
    parts = []
    for name in draw(st.lists(st.sampled_from([*names, "__typename"]), max_size=6)):
        field = draw(st.sampled_from([name, f"a_{name}: {name}"]))
        parts.append(field + draw(DIRECTIVES))
    parts.insert(draw(st.integers(0, len(parts))), always)
    cut = draw(st.integers(0, len(parts)))
    kind = draw(st.sampled_from(["{0}", "... {{ {0} }}", f"... on {type_} @include(if: $yes) {{{{ {{0}} }}}}"]))
    return " ".join([*parts[:cut], *([kind.format(" ".join(parts[cut:]))] if cut < len(parts) else [])])


@st.composite
def _documents(draw: st.DrawFn) -> str:
    change = draw(_selection("Change", CHANGE, "op: operation"))
    if draw(st.booleans()):
        change, fragments = "...C", f" fragment C on Change {{ {change} }}"
    else:
        fragments = ""
    batch = draw(
        _selection("ChangeBatch", BATCH, f"upToDate @include(if: $yes) last @skip(if: $no) changes {{ {change} }}")
    )
    named = draw(st.sampled_from(["", "all: "]))
    return (
        "subscription S($where: RowFilter, $columns: [String!], $operations: [Operation!], $yes: Boolean! = true,"
        f' $no: Boolean = false) {{ {named}changes(source: "{TABLE}", where: $where, columns: $columns,'
        f" operations: $operations) {{ {batch} }} }}{fragments}"
    )


ASKED = st.fixed_dictionaries(
    {
        "query": _documents(),
        "where": FILTERS,
        "columns": st.none() | st.lists(st.sampled_from([each.name for each in COLUMNS]), max_size=3, unique=True),
        # The last commit of all is a TRUNCATE.
        "operations": st.none() | st.lists(st.sampled_from(["INSERT", "UPDATE", "DELETE"]), unique=True),
    }
)


def _variables(asked: Json) -> Json:
    operations = asked["operations"]
    given = None if operations is None else [*operations, "TRUNCATE"]
    return {**ALIKE, "where": asked["where"], "columns": asked["columns"], "operations": given}


async def bind(dsn: str, name: str) -> None:
    bound = replace(
        source_of(f"public.{name}"),
        name=name,
        columns=COLUMNS,
        state=SourceState.PAUSED,
        sheet=SheetBinding(f"sheet of {name}", "Sheet1", 0, 1, None),
    )
    async with await connect(dsn, "rowcast test", autocommit=False) as connection:
        for statement in _made(name):
            await connection.execute(statement.encode())
        await insert_source(connection, bound)


def _made(name: str) -> Sequence[str]:
    return (
        f"CREATE TABLE {name} ({COLUMNS_SQL})",
        f"ALTER TABLE {name} REPLICA IDENTITY FULL",
        f"ALTER PUBLICATION rowcast_tables ADD TABLE {name}",
    )


def operations(message: Json) -> list[str]:
    [batch] = message["payload"]["data"].values()
    return [change["op"] for change in batch["changes"]]


async def _both(
    live: ThreadServer, sql: psycopg.AsyncConnection[Any], asked: Sequence[Json], commits: Sequence[Sequence[Edit]]
) -> None:
    async with AsyncExitStack() as stack:
        pairs: list[tuple[Live, Live]] = []
        for each in asked:
            how = each["query"], _variables(each)
            one = await stack.enter_async_context(shared(live, *how))
            other = await stack.enter_async_context(stock(live, *how))
            pairs.append((one, other))
        for pair in pairs:
            for client in pair:
                await client.up_to_date()
        await joined(live, len(pairs))
        for edits in commits:
            async with sql.transaction():
                for edit in edits:
                    await edited(sql, edit)
        await sql.execute(f"TRUNCATE {TABLE}".encode())
        for one, other in pairs:
            while True:
                expected, got = await other.message(), await one.message()
                assert got["payload"] == expected["payload"]
                assert list(_flat(got["payload"])) == list(_flat(expected["payload"])), "in another order"
                if operations(got) == ["TRUNCATE"]:
                    break
    await joined(live, 0, 0)


def _flat(value: Json) -> list[str]:
    """The names in a value, in their order."""
    if isinstance(value, dict):
        return [name for key, inner in value.items() for name in (key, *_flat(inner))]
    return [name for each in value for name in _flat(each)] if isinstance(value, list) else []


async def test_both_ways_deliver_the_same(live: ThreadServer, sql: psycopg.AsyncConnection[Any]) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, TABLE)
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=many(8),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(ASKED, min_size=1, max_size=3), st.lists(EDITS, min_size=1, max_size=6))
    def same(asked: list[Json], commits: list[list[Edit]]) -> None:
        asyncio.run_coroutine_threadsafe(_both(live, sql, asked, commits), loop).result()

    await asyncio.to_thread(same)


async def test_a_table_that_is_dropped_and_made_again(live: ThreadServer, sql: psycopg.AsyncConnection[Any]) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "passing")
    query = (
        'subscription { changes(source: "passing", snapshot: true) { reset last upToDate changes { operation key } } }'
    )
    async with shared(live, query) as one, shared(live, query) as two, stock(live, query) as alone:
        for client in (one, two, alone):
            await client.up_to_date()
        await joined(live, 2, 1)
        await sql.execute("INSERT INTO passing (id) VALUES (1)")
        async with sql.transaction():
            await sql.execute("INSERT INTO passing (id) VALUES (2)")
            await sql.execute("DROP TABLE passing")
            for statement in _made("passing"):
                await sql.execute(statement.encode())
            await sql.execute("INSERT INTO passing (id) VALUES (3)")
        sent = []
        for client in (one, two, alone):
            before = await client.until(lambda batch: batch["reset"])
            sent.append([*before, *await client.up_to_date()])
        assert sent[0] == sent[1] == sent[2]
        inserted = [[change["key"]["id"] for change in batch["changes"]] for batch in sent[0] if not batch["reset"]]
        assert inserted == [[1], [2], [3], []]
        await joined(live, 2, 1)
        await sql.execute("INSERT INTO passing (id) VALUES (4)")
        expected = await alone.message()
        for client in (one, two):
            assert (await client.message())["payload"] == expected["payload"]


async def test_who_wants_no_snapshot_is_told_of_another_table(
    live: ThreadServer, sql: psycopg.AsyncConnection[Any]
) -> None:
    assert live.settings.database_url is not None
    await bind(live.settings.database_url, "brief")
    query = 'subscription { changes(source: "brief") { upToDate } }'
    async with shared(live, query) as one, shared(live, query) as two, stock(live, query) as alone:
        for client in (one, two, alone):
            await client.up_to_date()
        await joined(live, 2, 1)
        async with sql.transaction():
            for statement in ("DROP TABLE brief", *_made("brief")):
                await sql.execute(statement.encode())
        for client in (one, two, alone):
            [error] = (await client.message())["payload"]["errors"]
            assert error["extensions"]["code"] == "CURSOR_EXPIRED"
