"""Whether an operation can be delivered together with others, and what it asks for then. Pure.

Shared is a subscription to `changes` alone, with nothing in it that only executing GraphQL could answer. Whatever is
unusual or wrong about an operation is left to the stock way, which knows every rule and how to say what was broken.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    get_argument_values,
    get_variable_values,
)
from graphql.execution.values import VariableValues

from api.live.selection import NotShareable, Selections, Shape
from schema.build import RowcastSchema
from schema.documents import KEPT, Document, read_document
from schema.filter_input import built_filter
from schema.subscriber import Wanted
from schema.texts import OfTexts

_FIELD = "changes"


@dataclass(frozen=True, slots=True)
class Plan:
    """`name`: what the field is called in the answer. `shape`: of the field's value, a ChangeBatch."""

    name: str
    wanted: Wanted
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What depends on the text alone. `selected` None: what is selected depends on variables."""

    document: Document
    operation: OperationDefinitionNode
    selected: "_Selected | None"


_Selected = tuple[str, FieldNode, Shape]
"""The field: its name in the answer, its node, and the shape of its value."""


def plan(schema: RowcastSchema, query: str, variables: Mapping[str, Any] | None, operation: str | None) -> Plan | None:
    """None: the operation takes the stock way."""
    try:
        prepared = _kept.get(query, (schema, operation), lambda: _prepare(schema, query, operation))
        return _plan(schema, prepared, variables or {})
    except (GraphQLSyntaxError, NotShareable):
        return None


def _prepare(schema: RowcastSchema, query: str, name: str | None) -> _Prepared:
    document = read_document(schema.graphql, query)
    if document.errors:
        raise NotShareable("an invalid document")
    found = [each for each in document.operations if name is None or (each.name and each.name.value == name)]
    if len(found) != 1 or found[0].operation is not OperationType.SUBSCRIPTION or found[0].directives:
        raise NotShareable("not one subscription")
    try:
        # Every plan of the text has the same shape then, in memory too.
        selected = _select(schema, document, found[0], VariableValues({}, {}))
    except GraphQLError:
        selected = None
    return _Prepared(document, found[0], selected)


_kept: Final[OfTexts[_Prepared]] = OfTexts(KEPT)


def _plan(schema: RowcastSchema, prepared: _Prepared, given: Mapping[str, Any]) -> Plan:
    operation = prepared.operation
    values = get_variable_values(schema.graphql, operation.variable_definitions or (), dict(given))
    if isinstance(values, list):
        raise NotShareable("wrong variables")
    name, node, shape = prepared.selected or _select(schema, prepared.document, operation, values)
    wanted = _arguments(schema, node, values)
    if wanted.min_interval_ms:
        raise NotShareable("coalesced for one subscriber")
    return Plan(name, wanted, shape)


def _select(
    schema: RowcastSchema, document: Document, operation: OperationDefinitionNode, values: VariableValues
) -> _Selected:
    selections = Selections(document.fragments, values)
    collected = selections.collect("Subscription", operation.selection_set.selections)
    if len(collected) != 1:
        raise NotShareable("several fields")
    [(name, nodes)] = collected.items()
    if nodes[0].name.value != _FIELD:
        raise NotShareable(nodes[0].name.value)
    return name, nodes[0], selections.shape(_field(schema).type, nodes)


def _arguments(schema: RowcastSchema, node: FieldNode, values: VariableValues) -> Wanted:
    """As Strawberry hands them to the resolver; a test holds that it is the same."""
    try:
        given = get_argument_values(_field(schema), node, values)
        return Wanted(
            source=given["source"],
            where=built_filter(given.get("where")),
            operations=given.get("operations"),
            columns=given.get("columns"),
            after=given.get("after"),
            snapshot=given.get("snapshot", False),
            min_interval_ms=given.get("minIntervalMs"),
        )
    except (GraphQLError, ValueError) as error:
        raise NotShareable("wrong arguments") from error


def _field(schema: RowcastSchema) -> GraphQLField:
    root = schema.graphql.subscription_type
    assert root is not None
    field: GraphQLField = root.fields[_FIELD]
    return field
