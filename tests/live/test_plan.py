"""What is planned gives what executing GraphQL gives; what can't be planned is left to the stock way."""

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    get_argument_values,
    get_variable_values,
    parse,
)
from strawberry.types import get_object_definition
from strawberry.types.arguments import convert_arguments

from api.live.plan import plan
from db.changes import Cause, Operation
from schema.build import build_schema
from schema.change_types import Change, ChangeBatch
from schema.filter_input import RowFilter
from schema.scalars import JSON, BigInt, CursorText
from schema.subscriber import Wanted

BATCH = ChangeBatch(
    cursor=CursorText("abc"),
    transaction_id=BigInt(2**60),
    committed_at=datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC),
    cause=Cause.SQL,
    actor=None,
    snapshot=False,
    reset=False,
    last=True,
    up_to_date=True,
    changes=[
        Change(
            operation=Operation.UPDATE,
            moved=False,
            key=JSON({"id": 1}),
            row=JSON({"id": 1, "name": "ü", "tags": [1, {"a": None}]}),
            before=None,
            changed=["name"],
        )
    ],
)
VARIABLES = {"yes": True, "no": False}
SHARED = [
    """subscription { changes(source: "c") {
        cursor transactionId committedAt cause actor snapshot reset last upToDate } }""",
    'subscription { a: changes(source: "c") { b: cursor changes { __typename x: row y: row } __typename } }',
    """subscription($yes: Boolean!, $no: Boolean!) { changes(source: "c") {
        cause @include(if: $no) actor @skip(if: $no) ... @include(if: $yes) { last }
        ... on ChangeBatch @skip(if: $yes) { reset } ...F changes { key } } }
        fragment F on ChangeBatch { changes { ...G key } cursor ...H } fragment G on Change { operation moved }
        fragment H on ChangeBatch { changes { ...G changed } }""",
]
ALONE = [
    'subscription { changes(source: "c", minIntervalMs: 5) { cursor } }',
    "subscription { events { cursor } }",
    "query { sources { name } }",
    "subscription { changes { cursor } }",
    'subscription { changes(source: "c") { nothing } }',
    "subscription {",
    'subscription A { changes(source: "c") { last } } subscription B { changes(source: "c") { last } }',
    "subscription($source: String!) { changes(source: $source) { last } }",
    'subscription { changes(source: "c", where: {column: "a", in: 5, nothing: 1}) { last } }',
]


@pytest.mark.parametrize("query", SHARED)
def test_a_plan_gives_what_graphql_does(query: str) -> None:
    query = query if query.startswith("subscription") else f"subscription {query}"
    schema = build_schema()
    found = plan(schema, query, VARIABLES, None)
    assert found is not None
    name, shape = found.name, found.shape
    expected = execute_sync(schema.graphql, parse(query), root_value=BATCH, variable_values=VARIABLES)
    assert expected.errors is None
    assert {name: shape.complete(BATCH)} == expected.data
    assert [*shape.complete(BATCH)] == [*(expected.data or {})[name]]


@pytest.mark.parametrize("query", ALONE)
def test_what_is_unusual_or_wrong_goes_alone(query: str) -> None:
    assert plan(build_schema(), query, {}, None) is None


def test_operations_are_chosen_by_their_name() -> None:
    query = 'subscription A { changes(source: "a") { last } } subscription B { changes(source: "b") { last } }'
    found = plan(build_schema(), query, None, "B")
    assert found is not None
    assert found.wanted.source == "b"
    assert plan(build_schema(), query, None, "C") is None


def test_equal_selections_have_equal_keys_however_they_are_written() -> None:
    def key(query: str, **variables: Any) -> object:
        found = plan(build_schema(), query, variables, None)
        assert found is not None
        return found.shape.key

    one = key('subscription { changes(source: "c") { last changes { row } } }')
    assert one == key(
        'subscription X { changes(source: "d") { ...F } } fragment F on ChangeBatch { last changes { row } }'
    )
    assert one == key(
        'subscription($x: Boolean!) { changes(source: "c") { last reset @include(if: $x) changes { row } } }', x=False
    )
    assert one != key('subscription { changes(source: "c") { changes { row } last } }')
    assert one != key('subscription { changes(source: "c") { x: last changes { row } } }')


def test_a_null_where_the_schema_has_none_is_an_error() -> None:
    found = plan(build_schema(), 'subscription { changes(source: "c") { cursor } }', None, None)
    assert found is not None
    with pytest.raises((ValueError, GraphQLError)):
        found.shape.complete(ChangeBatch(**{**BATCH.__dict__, "cursor": None}))


FULL = """subscription($where: RowFilter, $operations: [Operation!], $columns: [String!]) {
    changes(source: "c", where: $where, operations: $operations, columns: $columns, after: "x", snapshot: true) { last }
}"""
GIVEN: list[dict[str, Any]] = [
    {},
    {"where": None, "operations": None, "columns": None},
    {"where": {}, "operations": ["INSERT", "TRUNCATE"], "columns": ["a", "b"]},
    {"where": {"column": "a", "eq": None, "in": [1, "x"], "isNull": True, "like": "a%"}},
    {"where": {"and": [{"or": [{"not": {"column": "a", "gt": 2**70}}]}, {}], "or": [], "not": None}},
    {"where": {"and": {"column": "a", "ilike": "x"}, "in": 3}},
]


@pytest.mark.parametrize("variables", GIVEN)
def test_its_arguments_are_those_that_strawberry_gives(variables: dict[str, Any]) -> None:
    schema = build_schema()
    found = plan(schema, FULL, variables, None)
    assert found is not None
    root = schema.graphql.subscription_type
    assert root is not None
    field = root.fields["changes"]
    [operation] = parse(FULL).definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    values = get_variable_values(schema.graphql, operation.variable_definitions or (), variables)
    assert not isinstance(values, list)
    definition = get_object_definition(RowFilter, strict=True)
    own, definition.from_input = definition.from_input, None
    try:
        expected = convert_arguments(
            get_argument_values(field, node, values),
            field.extensions["strawberry-definition"].arguments,
            scalar_registry=schema.schema_converter.scalar_registry,
            config=schema.config,
        )
    finally:
        definition.from_input = own
    assert found.wanted == Wanted(**expected)
