"""rows and row: filters, order, pages that hold while rows are written, and everything that is refused."""

import asyncio

import psycopg

from db.sources import Column
from db.wire import ColumnType
from tests.schema.ground import Ground, Json
from tests.server import eventually

ROWS = """query($where: RowFilter, $orderBy: [RowOrder!], $first: Int, $after: String, $source: String = "customers") {
  rows(source: $source, where: $where, orderBy: $orderBy, first: $first, after: $after) {
    nodes { key data updatedAt absentInSource } asOf endCursor hasNextPage totalCount
  }
}"""


async def _pages(ground: Ground, **variables: Json) -> list[Json]:
    """All nodes, page by page."""
    nodes: list[Json] = []
    after = None
    while True:
        page = await ground.run(ROWS, {**variables, "after": after})
        nodes += page["nodes"]
        if not page["hasNextPage"]:
            return nodes
        after = page["endCursor"]


async def test_a_page_has_rows_as_wire_values_with_their_keys(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (7, 'Ada', NULL, 9007199254740993), (2, 'Bob', 30, NULL)")
    page = await ground.run(ROWS)
    assert [node["data"] for node in page["nodes"]] == [
        {"id": 2, "name": "Bob", "age": 30, "total": None},
        {"id": 7, "name": "Ada", "age": None, "total": "9007199254740993"},
    ]
    assert [node["key"] for node in page["nodes"]] == [{"id": 2}, {"id": 7}]
    assert page["totalCount"] == "2"
    assert not page["hasNextPage"]
    assert not any(node["absentInSource"] for node in page["nodes"])


async def test_updated_at_is_the_last_commit_that_the_log_knows(ground: Ground) -> None:
    async with ground.subscribe('subscription { changes(source: "customers") { upToDate committedAt } }') as changes:
        await changes.until_up_to_date()
        await ground.sql("INSERT INTO customers VALUES (1, 'Ada')")
        committed = (await changes.next())["committedAt"]
        page = await ground.run(ROWS)
    assert page["nodes"][0]["updatedAt"] == committed


async def test_pages_neither_repeat_nor_skip_with_nulls_and_ties(ground: Ground) -> None:
    await ground.sql(
        "INSERT INTO customers SELECT n, 'n' || n % 2, CASE WHEN n % 3 > 0 THEN n % 2 END FROM generate_series(1, 12) n"
    )
    for direction, youngest in (("ASC", 0), ("DESC", None)):
        order = [{"column": "age", "direction": direction}, {"column": "name", "direction": direction}]
        whole = await ground.run(ROWS, {"orderBy": order})
        for size in (1, 2, 7):
            nodes = await _pages(ground, orderBy=order, first=size)
            ids = [node["data"]["id"] for node in nodes]
            assert sorted(ids) == list(range(1, 13)), (direction, size)
            assert ids == [node["data"]["id"] for node in whole["nodes"]], (direction, size)
            assert nodes[0]["data"]["age"] == youngest


async def test_a_table_that_is_rewritten_meanwhile_is_read_as_it_is_then(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)")

    async def waits() -> bool:
        async with ground.context.pool.connection() as connection:
            waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'customers'::regclass"
            return (await connection.execute(waiting)).rowcount > 0

    async with await psycopg.AsyncConnection.connect(ground.dsn) as other:
        await other.execute("ALTER TABLE customers ALTER age TYPE text USING age || ' years'")
        reading = asyncio.create_task(ground.run(ROWS))
        await eventually(waits)
        await other.commit()
    assert [node["data"]["age"] for node in (await reading)["nodes"]] == ["30 years"]


async def test_text_orders_by_code_point(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'b'), (2, 'B'), (3, 'é'), (4, 'z')")
    page = await ground.run(ROWS, {"orderBy": [{"column": "name"}]})
    assert [node["data"]["name"] for node in page["nodes"]] == ["B", "b", "z", "é"]


async def test_a_filter_selects_and_counts(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers SELECT n, 'name ' || n, n FROM generate_series(1, 20) n")
    page = await ground.run(
        ROWS,
        {
            "where": {"or": [{"column": "age", "gt": 17, "lte": 19}, {"column": "name", "ilike": "NAME _"}]},
            "first": 5,
        },
    )
    assert page["totalCount"] == "11"
    assert [node["data"]["id"] for node in page["nodes"]] == [1, 2, 3, 4, 5]
    none = await ground.run(ROWS, {"first": 0})
    assert (none["nodes"], none["totalCount"], none["hasNextPage"], none["endCursor"]) == ([], "20", True, None)


WRONG_FILTERS: list[tuple[Json, str, str]] = [
    ({"column": "nope", "eq": 1}, "BAD_USER_INPUT", 'no column "nope"'),
    ({"column": "age"}, "BAD_USER_INPUT", "no operator"),
    ({"eq": 1}, "BAD_USER_INPUT", "needs a column"),
    ({"column": "age", "eq": "x"}, "BAD_USER_INPUT", 'INTEGER column "age"'),
    ({"column": "age", "in": [1, "x"]}, "BAD_USER_INPUT", '2147483647, got "x"'),
    ({"column": "age", "in": [1] * 10_001}, "LIMIT_EXCEEDED", "at most 10000"),
    ({"column": "age", "like": "1%"}, "BAD_USER_INPUT", "TEXT columns"),
    ({"column": "name", "like": "a\\"}, "BAD_USER_INPUT", "backslash"),
    ({"column": "name", "eq": "a\0b"}, "BAD_USER_INPUT", "NUL"),
    ({"column": "name", "eq": "\ud800"}, "BAD_USER_INPUT", "broken characters"),
    ({"column": "name", "isNull": None}, "BAD_USER_INPUT", "can't be null"),
    ({"and": None}, "BAD_USER_INPUT", "can't be null"),
    ({"or": [{}] * 1000}, "LIMIT_EXCEEDED", "at most 1000"),
]


async def test_a_wrong_filter_says_what_is_wrong(ground: Ground) -> None:
    for where, code, says in WRONG_FILTERS:
        failed = await ground.refused(ROWS, {"where": where})
        assert failed.code == code, says
        assert says in str(failed)


async def test_filters_nest_only_so_deep(ground: Ground) -> None:
    where: Json = {}
    for _ in range(32):
        where = {"not": where}
    failed = await ground.refused(ROWS, {"where": where})
    assert failed.code == "LIMIT_EXCEEDED"


async def test_null_is_three_valued(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', NULL), (2, 'Bob', 30)")
    for where, ids in [
        ({"column": "age", "eq": None}, []),
        ({"not": {"column": "age", "eq": 30}}, []),
        ({"column": "age", "isNull": True}, [1]),
        ({"column": "age", "isNull": False}, [2]),
        ({"column": "name", "like": None}, []),
        ({"column": "age", "in": []}, []),
        ({"or": []}, []),
        ({}, [1, 2]),
    ]:
        page = await ground.run(ROWS, {"where": where})
        assert [node["data"]["id"] for node in page["nodes"]] == ids, where


WRONG_ARGUMENTS: list[tuple[Json, str, str]] = [
    ({"source": "nope"}, "NOT_FOUND", 'no source "nope"'),
    ({"source": "\ud800"}, "NOT_FOUND", "no source"),
    ({"first": -1}, "BAD_USER_INPUT", "negative"),
    ({"first": 1001}, "LIMIT_EXCEEDED", "1000 at most"),
    ({"after": "nonsense"}, "BAD_USER_INPUT", "endCursor"),
    ({"after": "ÿ"}, "BAD_USER_INPUT", "endCursor"),
    ({"orderBy": [{"column": "nope"}]}, "BAD_USER_INPUT", "to order by"),
    ({"orderBy": [{"column": "age"}, {"column": "age"}]}, "BAD_USER_INPUT", "twice"),
    ({"orderBy": [{"column": "age"}] * 9}, "BAD_USER_INPUT", "at most 8"),
]


async def test_wrong_arguments_say_what_is_wrong(ground: Ground) -> None:
    for variables, code, says in WRONG_ARGUMENTS:
        failed = await ground.refused(ROWS, variables)
        assert failed.code == code, says
        assert says in str(failed)


async def test_after_belongs_to_its_order(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bob')")
    page = await ground.run(ROWS, {"first": 1})
    failed = await ground.refused(ROWS, {"after": page["endCursor"], "orderBy": [{"column": "name"}]})
    assert failed.code == "BAD_USER_INPUT"


async def test_json_has_no_order(ground: Ground) -> None:
    columns = (Column("id", ColumnType.INTEGER, "id"), Column("doc", ColumnType.JSON, "doc"))
    await ground.bind("documents", "id integer PRIMARY KEY, doc jsonb", columns)
    await ground.sql("INSERT INTO documents VALUES (1, '{\"a\": [1]}'), (2, NULL), (3, 'null')")
    page = await ground.run(ROWS, {"source": "documents", "where": {"column": "doc", "isNull": True}})
    assert [node["data"] for node in page["nodes"]] == [{"id": 2, "doc": None}, {"id": 3, "doc": None}]
    for variables in ({"orderBy": [{"column": "doc"}]}, {"where": {"column": "doc", "eq": 1}}):
        failed = await ground.refused(ROWS, {"source": "documents", **variables})
        assert failed.code == "BAD_USER_INPUT"


async def test_one_row_by_its_key(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (7, 'Ada')")
    one = 'query($key: JSON!) { row(source: "customers", key: $key) { key data } }'
    found = await ground.run(one, {"key": {"id": 7}})
    assert found == {"key": {"id": 7}, "data": {"id": 7, "name": "Ada", "age": None, "total": None}}
    assert await ground.run(one, {"key": {"id": 8}}) is None
    assert (await ground.run('{ row(source: "customers", key: {id: 7}) { key } }')) == {"key": {"id": 7}}
    for key in ({}, {"id": None}, {"id": "seven"}, {"id": 7, "name": "Ada"}, 7, [7]):
        failed = await ground.refused(one, {"key": key})
        assert failed.code == "BAD_USER_INPUT", key


async def test_a_table_that_changed_under_its_source_is_said(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)", "ALTER TABLE customers DROP COLUMN age")
    # The source follows a moment later.
    assert (await ground.run(ROWS))["nodes"][0]["data"] == {"id": 1, "name": "Ada", "total": None}
    refused = await ground.refused(ROWS, {"where": {"column": "age", "isNull": True}})
    assert refused.code == "BAD_USER_INPUT"
    await ground.sql("ALTER TABLE customers DROP COLUMN id")
    failed = await ground.refused(ROWS)
    assert failed.code == "CONFLICT"
    assert "id" in str(failed)
    await ground.sql("DROP TABLE customers")
    assert (await ground.refused(ROWS)).code == "CONFLICT"
    assert (await ground.refused('{ source(name: "customers") { rowCount } }')).code == "CONFLICT"


async def test_a_changed_type_is_followed_at_once(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)", "ALTER TABLE customers ALTER age TYPE text")
    page = await ground.run(ROWS, {"where": {"column": "age", "like": "3%"}})
    assert page["nodes"][0]["data"]["age"] == "30"
