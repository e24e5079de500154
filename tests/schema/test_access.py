"""What a token may do: roles, grants of sources, rows and columns, and that nothing shows more than they say."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.session import connect
from db.tokens import token_of
from schema.access import Grant, Principal
from schema.filter_input import RowFilter
from schema.filter_json import filter_from_json, filter_to_json
from tests.schema.ground import CUSTOMERS, CUSTOMERS_SQL, GraphQLFailed, Ground, Json
from tests.schema.test_everything_answers import BUILT

CREATE = """mutation($input: CreateTokenInput!) {
  createToken(input: $input) { secret token { id name role grants createdAt expiresAt revokedAt lastUsedAt } }
}"""
ADULTS = {"source": "customers", "where": {"column": "age", "gte": 18}, "columns": ["name"], "write": True}
CHANGES = """subscription($where: RowFilter, $columns: [String!]) {
  changes(source: "customers", snapshot: true, where: $where, columns: $columns) {
    upToDate changes { operation moved key row before changed }
  }
}"""


async def create(ground: Ground, role: str, *grants: Json, name: str = "t") -> Ground:
    """A ground on which everything is asked by a new token."""
    given = {"name": name, "role": role, **({"grants": grants} if grants else {})}
    created = await ground.run(CREATE, {"input": given})
    async with await connect(ground.dsn, "rowcast test") as connection:
        token = await token_of(connection, created["secret"])
    assert token is not None
    return replace(ground, context=replace(ground.context, principal=Principal.of(token)))


async def test_a_secret_is_shown_once_and_nothing_that_is_stored_has_it(ground: Ground) -> None:
    created = await ground.run(CREATE, {"input": {"name": "reports", "role": "EDITOR", "grants": [ADULTS]}})
    assert created["token"]["grants"] == [ADULTS]
    [listed] = await ground.run("{ tokens { id name role grants createdAt expiresAt revokedAt lastUsedAt } }")
    assert listed == created["token"]
    async with await connect(ground.dsn, "rowcast test") as connection:
        rows = await (await connection.execute("SELECT t::text FROM rowcast.tokens t")).fetchall()
        said = await (await connection.execute("SELECT e::text FROM rowcast.events e")).fetchall()
    assert created["secret"].startswith("rowcast_")
    for (text,) in [*rows, *said]:
        assert created["secret"] not in text
        assert created["secret"].removeprefix("rowcast_") not in text


async def test_what_is_done_to_tokens_is_told(ground: Ground) -> None:
    created = await ground.run(CREATE, {"input": {"name": "reports", "role": "VIEWER"}})
    again = await ground.refused(CREATE, {"input": {"name": "reports", "role": "VIEWER"}})
    assert again.code == "CONFLICT"
    revoke, id_ = "mutation($id: ID!) { revokeToken(id: $id) { revokedAt } }", {"id": created["token"]["id"]}
    first, second = await ground.run(revoke, id_), await ground.run(revoke, id_)
    assert first["revokedAt"] is not None
    assert first == second
    assert await ground.code('mutation { revokeToken(id: "99") { id } }') == "NOT_FOUND"
    await ground.run(CREATE, {"input": {"name": "reports", "role": "VIEWER"}})
    async with await connect(ground.dsn, "rowcast test") as connection:
        found = await connection.execute("SELECT message FROM rowcast.events WHERE detail ? 'token' ORDER BY id")
        said = [message for (message,) in await found.fetchall()]
    assert said == [
        'The token "reports" (VIEWER) was created by local.',
        'The token "reports" was revoked by local.',
        'The token "reports" (VIEWER) was created by local.',
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": " ", "role": "VIEWER"}, "BAD_USER_INPUT"),
        ({"name": "local", "role": "VIEWER"}, "BAD_USER_INPUT"),
        ({"name": "a\nb", "role": "VIEWER"}, "BAD_USER_INPUT"),
        ({"name": "t", "role": "VIEWER", "expiresAt": "2020-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        ({"name": "t", "role": "ADMIN", "grants": [{"source": "customers"}]}, "BAD_USER_INPUT"),
        ({"name": "t", "role": "VIEWER", "grants": [{"source": "customers", "write": True}]}, "BAD_USER_INPUT"),
        ({"name": "t", "role": "VIEWER", "grants": [{"source": "customers"}] * 2}, "BAD_USER_INPUT"),
        ({"name": "t", "role": "VIEWER", "grants": [{"source": "nope"}]}, "NOT_FOUND"),
        ({"name": "t", "role": "VIEWER", "grants": [{"source": "customers", "columns": ["x"]}]}, "BAD_USER_INPUT"),
        (
            {"name": "t", "role": "VIEWER", "grants": [{"source": "customers", "where": {"column": "x", "eq": 1}}]},
            "BAD_USER_INPUT",
        ),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(ground: Ground, given: Json, code: str) -> None:
    assert (await ground.refused(CREATE, {"input": given})).code == code
    assert await ground.run("{ tokens { id } }") == []


FOR_EDITORS = {"upsertRows", "deleteRows", "rollbackRow", "resolveConflict", "retryFailure", "discardFailure"}
FOR_ADMINISTRATORS = set(BUILT["Mutation"]) - FOR_EDITORS | {"tokens", "previewSource"}
OF_ALL_SOURCES = {"conflicts", "failures", "stats"}
OF_A_WHOLE_SOURCE = {"source", "history", "runs", "rollbackRow"}


async def forbidden(ground: Ground) -> set[str]:
    return {
        name
        for requests in BUILT.values()
        for name, request in requests.items()
        if await ground.code(request) == "FORBIDDEN"
    }


async def test_a_role_says_what_may_be_done(ground: Ground) -> None:
    viewer = await create(ground, "VIEWER")
    # What has no source or failure of that id is not found, whoever asks.
    unknown = {"resolveConflict", "retryFailure", "discardFailure"}
    assert await forbidden(viewer) == FOR_ADMINISTRATORS | FOR_EDITORS - unknown
    editor = await create(ground, "EDITOR", name="e")
    assert await forbidden(editor) == FOR_ADMINISTRATORS
    assert await editor.run("{ viewer { name role } }") == {"name": "e", "role": "EDITOR"}


async def test_grants_narrow_to_sources(ground: Ground) -> None:
    await ground.bind("others", CUSTOMERS_SQL, CUSTOMERS)
    whole = await create(ground, "VIEWER", {"source": "customers"})
    assert await forbidden(whole) & (OF_ALL_SOURCES | {"source", "history", "runs"}) == OF_ALL_SOURCES
    assert await whole.run("{ sources { nodes { name } totalCount } }") == {
        "nodes": [{"name": "customers"}],
        "totalCount": 1,
    }
    for request in ('rows(source: "others") { asOf }', 'source(name: "others") { id }', 'source(name: "nope") { id }'):
        assert await whole.code(f"{{ {request} }}") == "FORBIDDEN"
    async with whole.subscribe('subscription { events(source: "others") { id } }') as stream:
        with pytest.raises(GraphQLFailed) as failed:
            await stream.next()
    assert failed.value.code == "FORBIDDEN"
    part = await create(ground, "EDITOR", ADULTS, name="p")
    assert await forbidden(part) >= OF_ALL_SOURCES | OF_A_WHOLE_SOURCE
    assert (await part.run("{ sources { totalCount } }"))["totalCount"] == 0


@pytest.fixture
async def adults(ground: Ground) -> Ground:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30, 7), (2, 'Bob', 10, 8)")
    return await create(ground, "EDITOR", ADULTS)


async def test_rows_are_as_if_the_table_had_nothing_else(adults: Ground) -> None:
    page = await adults.run('{ rows(source: "customers") { nodes { key data } totalCount } }')
    assert page == {"nodes": [{"key": {"id": 1}, "data": {"id": 1, "name": "Ada"}}], "totalCount": "1"}
    assert await adults.run('{ row(source: "customers", key: {id: 2}) { data } }') is None
    for hidden in ('where: {column: "age", eq: 10}', 'orderBy: [{column: "total"}]'):
        assert await adults.code(f'{{ rows(source: "customers", {hidden}) {{ asOf }} }}') == "BAD_USER_INPUT"


async def test_changes_are_as_if_the_table_had_nothing_else(adults: Ground) -> None:
    async with adults.subscribe(CHANGES) as stream:
        [snapshot, _] = await stream.until_up_to_date()
        assert [change["row"] for change in snapshot["changes"]] == [{"id": 1, "name": "Ada"}]
        await adults.sql("UPDATE customers SET age = age + 10, name = name || '!'")
        await adults.sql("UPDATE customers SET age = 5 WHERE id = 1")
        first, second = await stream.next(), await stream.next()
    assert [(c["operation"], c["moved"], c["row"], c["before"], c["changed"]) for c in first["changes"]] == [
        ("UPDATE", False, {"id": 1, "name": "Ada!"}, {"id": 1, "name": "Ada"}, ["name"]),
        ("INSERT", True, {"id": 2, "name": "Bob!"}, None, ["name"]),
    ] or [c["key"]["id"] for c in first["changes"]] == [1]
    assert [(c["operation"], c["moved"], c["before"]) for c in second["changes"]] == [
        ("DELETE", True, {"id": 1, "name": "Ada!"})
    ]
    for variables in ({"where": {"column": "age", "eq": 1}}, {"columns": ["age"]}):
        async with adults.subscribe(CHANGES, variables) as stream:
            with pytest.raises(GraphQLFailed) as failed:
                await stream.next()
        assert failed.value.code == "BAD_USER_INPUT"


async def upsert(ground: Ground, *rows: Json) -> str | None:
    query = 'mutation($rows: [JSON!]!) { upsertRows(source: "customers", rows: $rows) { rows { data } } }'
    try:
        await ground.run(query, {"rows": rows})
    except GraphQLFailed as failed:
        return failed.code
    return None


async def test_only_granted_rows_and_columns_are_written(adults: Ground) -> None:
    assert await upsert(adults, {"id": 1, "name": "Eve"}) is None
    assert await upsert(adults, {"id": 1, "name": "Zoe"}, {"id": 2, "name": "Zoe"}) == "FORBIDDEN"
    assert await upsert(adults, {"id": 1, "age": 99}) == "BAD_USER_INPUT"
    # A new row has no age, so it would not be the token's.
    assert await upsert(adults, {"id": 3, "name": "Zoe"}) == "FORBIDDEN"
    deleted = await adults.run('mutation { deleteRows(source: "customers", keys: [{id: 2}, {id: 9}]) { deleted } }')
    assert deleted["deleted"] == 0
    async with await connect(adults.dsn, "rowcast test") as connection:
        rows = await (await connection.execute("SELECT id, name, age FROM customers ORDER BY id")).fetchall()
    assert rows == [(1, "Eve", 30), (2, "Bob", 10)]
    deleted = await adults.run('mutation { deleteRows(source: "customers", keys: [{id: 1}]) { deleted } }')
    assert deleted["deleted"] == 1


async def test_a_row_cannot_be_written_out_of_the_grant(ground: Ground) -> None:
    await ground.sql("INSERT INTO customers VALUES (1, 'Ada', 30)")
    grant = {"source": "customers", "where": {"column": "age", "gte": 18}, "write": True}
    editor = await create(ground, "EDITOR", grant)
    assert await upsert(editor, {"id": 1, "age": 40}) is None
    assert await upsert(editor, {"id": 1, "age": 4}) == "FORBIDDEN"
    assert await upsert(editor, {"id": 2, "name": "Bob", "age": None}) == "FORBIDDEN"
    reader = await create(ground, "EDITOR", {**grant, "write": False}, name="r")
    assert await upsert(reader, {"id": 1, "age": 40}) == "FORBIDDEN"


async def test_the_name_is_the_actor(ground: Ground) -> None:
    editor = await create(ground, "EDITOR", name="reports")
    async with ground.subscribe('subscription { changes(source: "customers") { actor cause upToDate } }') as stream:
        await stream.until_up_to_date()
        assert await upsert(editor, {"id": 1, "name": "Ada"}) is None
        batch = await stream.next()
    assert (batch["actor"], batch["cause"]) == ("reports", "API")


async def test_a_grant_that_no_longer_fits_admits_nothing(adults: Ground) -> None:
    await adults.sql("ALTER TABLE customers ALTER age TYPE text")
    assert await adults.code('{ rows(source: "customers") { asOf } }') == "CONFLICT"


VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.booleans())
LEAVES = st.fixed_dictionaries(
    {"column": st.text(max_size=3)},
    optional={
        **dict.fromkeys(("eq", "ne", "gt", "gte", "lt", "lte"), VALUES),
        "in": st.lists(VALUES, max_size=3),
        "isNull": st.booleans(),
        "like": st.text(max_size=3),
        "ilike": st.text(max_size=3),
    },
)
FILTERS: st.SearchStrategy[Mapping[str, Json]] = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {}, optional={"and": st.lists(inner, max_size=2), "or": st.lists(inner, max_size=2), "not": inner}
    ),
    max_leaves=5,
)


@given(FILTERS)
def test_a_filter_is_kept_as_it_was_given(given_filter: Mapping[str, Json]) -> None:
    read = filter_from_json(given_filter)
    assert isinstance(read, RowFilter)
    assert filter_to_json(read) == given_filter
    grant = Grant.of_row({"source": "s", "where": dict(given_filter), "columns": None, "write": False})
    assert grant.to_row()["where"] == given_filter
    assert hash(grant) == hash(Grant.of_row(grant.to_row()))
