"""Puts the schema together; `python -m api schema` prints it, and schema/schema.graphql is that text."""

from functools import cache

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import AddValidationRules, MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.documents import KnownDocuments
from schema.error_codes import ErrorCodes
from schema.execution import EventExecutor
from schema.limits import MAX_TOKENS, SizeRule
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription


class RowcastSchema(strawberry.Schema):
    """Strawberry's, except that `ErrorCodes` alone logs errors: Strawberry would log every wrong input."""

    @property
    def graphql(self) -> GraphQLSchema:
        """As graphql-core has it."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: see above."""


@cache
def build_schema() -> RowcastSchema:
    """The schema; its operations need a `schema.context.Context`."""
    return RowcastSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[
            ErrorCodes,
            lambda: MaxTokensLimiter(MAX_TOKENS),
            lambda: AddValidationRules([SizeRule]),
            KnownDocuments,
        ],
        execution_context_class=EventExecutor,
        config=StrawberryConfig(scalar_map=SCALARS),
    )


def sdl() -> str:
    """The schema as text."""
    return build_schema().as_str() + "\n"
