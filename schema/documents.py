"""Parsed and validated documents, kept: clients send the same few again and again, and validating costs most.

Only of the text: variables, the operation's name and who asks are looked at each time. Long documents aren't kept, so
that the memory is bounded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    parse,
    specified_rules,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from schema.limits import MAX_TOKENS, SizeRule
from schema.texts import OfTexts


class HasGraphQL(Protocol):
    """Strawberry's schema that says what it is to graphql-core."""

    @property
    def graphql(self) -> GraphQLSchema: ...


KEPT: Final = 200_000
"""Characters of all documents that are kept: each takes up to 300 bytes of memory."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that could be parsed, and what is wrong with it."""

    node: DocumentNode
    errors: Sequence[GraphQLError]

    @property
    def fragments(self) -> Mapping[str, FragmentDefinitionNode]:
        """By name."""
        return {d.name.value: d for d in self.node.definitions if isinstance(d, FragmentDefinitionNode)}

    @property
    def operations(self) -> Sequence[OperationDefinitionNode]:
        """In their order."""
        return [d for d in self.node.definitions if isinstance(d, OperationDefinitionNode)]


def read_document(schema: GraphQLSchema, text: str) -> Document:
    """The document of a text. GraphQLSyntaxError where it can't be parsed."""
    return _kept.get(text, schema, lambda: _read(schema, text))


def _read(schema: GraphQLSchema, text: str) -> Document:
    node = parse(text, max_tokens=MAX_TOKENS)
    return Document(node, tuple(validate_document(schema, node, (*specified_rules, SizeRule))))


_kept: Final[OfTexts[Document]] = OfTexts(KEPT)


class KnownDocuments(SchemaExtension):
    """Has Strawberry take documents from here."""

    def on_parse(self) -> Iterator[None]:
        """Before a document is parsed. One that can't be is left to Strawberry, which knows how to say so."""
        document = self._document()
        if document is not None:
            self.execution_context.graphql_document = document.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Before it is validated."""
        document = self._document()
        if document is not None:
            # A list of the operation's own: its errors get codes.
            self.execution_context.pre_execution_errors = list(document.errors)
        yield

    def _document(self) -> Document | None:
        context = self.execution_context
        if not context.query:
            return None
        try:
            return read_document(cast("HasGraphQL", context.schema).graphql, context.query)
        except GraphQLSyntaxError:
            return None
