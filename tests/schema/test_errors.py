"""Errors: codes for ours, ids for the others, GraphQL's own as bad input; and the limits of a document."""

import pytest
from graphql import GraphQLError, get_introspection_query, parse
from structlog.testing import capture_logs

from db.errors import NotFound
from schema.error_codes import public_error
from schema.limits import MAX_DEPTH, MAX_FIELDS, MAX_ROOT_FIELDS, refuse_large
from tests.schema.ground import GraphQLFailed, Ground


def test_our_errors_have_their_code() -> None:
    error = public_error(GraphQLError("wrapped", original_error=GraphQLError("again", original_error=NotFound("gone"))))
    assert error.message == "gone"
    assert error.extensions == {"code": "NOT_FOUND"}
    assert public_error(error) is error


def test_others_leak_nothing_and_are_in_the_log() -> None:
    with capture_logs() as logs:
        error = public_error(GraphQLError("boom", original_error=RuntimeError("a password")), lambda: "id-1")
    assert error.extensions == {"code": "INTERNAL", "id": "id-1"}
    assert "password" not in error.message
    assert "id-1" in error.message
    [entry] = logs
    assert (entry["error_id"], entry["log_level"]) == ("id-1", "error")


def test_graphql_s_own_keep_their_message() -> None:
    error = public_error(GraphQLError("Cannot query field"))
    assert (error.message, error.extensions) == ("Cannot query field", {"code": "BAD_USER_INPUT"})


async def test_a_wrong_query_has_graphql_s_message(ground: Ground) -> None:
    failed = await ground.refused("{ nope }")
    assert "Cannot query field 'nope'" in str(failed)
    assert failed.code == "BAD_USER_INPUT"
    failed = await ground.refused("query($first: Int!) { sources(first: $first) { totalCount } }", {"first": "x"})
    assert failed.code == "BAD_USER_INPUT"
    async with ground.subscribe("subscription { nope }") as stream:
        with pytest.raises(GraphQLFailed) as refused:
            await stream.next()
    assert refused.value.code == "BAD_USER_INPUT"


async def test_an_internal_error_of_a_resolver_leaks_nothing(ground: Ground) -> None:
    await ground.sql("DROP TABLE rowcast.failures")
    with capture_logs() as logs:
        failed = await ground.refused("{ failures { totalCount } }")
    assert failed.code == "INTERNAL"
    assert "rowcast.failures" not in str(failed)
    assert any(str(entry["error_id"]) in str(failed) for entry in logs if entry["log_level"] == "error")


async def test_a_database_that_is_away_is_unavailable(ground: Ground) -> None:
    await ground.context.pool.close()
    failed = await ground.refused("{ sources { totalCount } }")
    assert failed.code == "UNAVAILABLE"


DEEP = "{ a" * (MAX_DEPTH + 1) + " }" * (MAX_DEPTH + 1)
WIDE = "{ a { " + " ".join(f"b{n}: b" for n in range(MAX_FIELDS)) + " } }"
TOP = "{ " + " ".join(f"a{n}: a" for n in range(MAX_ROOT_FIELDS + 1)) + " }"
DOUBLING = "query { ...f0 } " + " ".join(
    f"fragment f{n} on Query {{ a {{ ...f{n + 1} }} b {{ ...f{n + 1} }} }}" for n in range(60)
)


@pytest.mark.parametrize(("document", "says"), [(DEEP, "deep"), (WIDE, "fields"), (TOP, "top"), (DOUBLING, "deep")])
def test_large_documents_are_refused(document: str, says: str) -> None:
    reason = refuse_large(parse(document))
    assert reason is not None
    assert says in reason


def test_what_is_small_passes() -> None:
    fine = "query { ...f { x } __schema { types { name } } ... on Query { b } } fragment f on Query { a ...f ...gone }"
    assert refuse_large(parse("query { ...f b } fragment f on Query { a ...f ...gone }")) is None
    assert refuse_large(parse(fine.replace("...f { x }", "...f"))) is None


async def test_limits_have_their_code(ground: Ground) -> None:
    top = "{ " + " ".join(f"v{n}: viewer {{ name }}" for n in range(MAX_ROOT_FIELDS + 1)) + " }"
    assert (await ground.refused(top)).code == "LIMIT_EXCEEDED"
    tokens = "{ " + "viewer { name } " * 2000 + " }"
    assert (await ground.refused(tokens)).code == "LIMIT_EXCEEDED"


async def test_introspection_is_within_the_limits(ground: Ground) -> None:
    assert (await ground.run(get_introspection_query()))["queryType"]["name"] == "Query"
