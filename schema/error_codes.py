"""Errors as clients see them: ours with their code, GraphQL's own as BAD_USER_INPUT, everything else as INTERNAL.

An internal error carries a random id and nothing else; the log has the id and the error.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from psycopg import OperationalError
from psycopg_pool import PoolClosed, PoolTimeout
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from db.errors import BadUserInput, LimitExceeded, RowcastError, Unavailable

log = structlog.get_logger(__name__)


def _random_id() -> str:
    return secrets.token_hex(8)


class ErrorCodes(SchemaExtension):
    """Puts `extensions.code` on every error of a result, for each transport."""

    def __init__(self, new_id: Callable[[], str] = _random_id) -> None:
        super().__init__()
        self._new_id = new_id

    def on_operation(self) -> Iterator[None]:
        """For answers; streams are handled result by result."""
        yield
        self._process(self.execution_context.result)

    def on_stream_result(self, result: Any) -> Iterator[None]:
        """For each result of a WebSocket or multipart operation, before it is sent."""
        self._process(result)
        yield

    def _process(self, result: Any) -> None:
        errors: Sequence[GraphQLError] | None = getattr(result, "errors", None)
        if errors:
            result.errors = [public_error(error, self._new_id) for error in errors]


def public_error(error: GraphQLError, new_id: Callable[[], str] = _random_id) -> GraphQLError:
    """The error with its code, once; without what was not meant for the caller."""
    original = _original(error)
    if "code" in (error.extensions or {}):
        return error
    if isinstance(original, RowcastError):
        return _coded(error, str(original), {"code": original.code})
    if isinstance(original, PoolTimeout | PoolClosed | OperationalError):
        log.warning("the database could not be reached", error=str(original).strip())
        return _coded(error, "The database can't be reached now: try again.", {"code": Unavailable.code})
    if isinstance(error, GraphQLSyntaxError) and "tokens. Parsing aborted" in error.message:
        return _coded(error, error.message, {"code": LimitExceeded.code})
    if original is None or isinstance(original, CannotGetOperationTypeError | InvalidOperationTypeError):
        # GraphQL's own: no valid document, or no fit variables.
        return _coded(error, error.message, {"code": BadUserInput.code, **(error.extensions or {})})
    id_ = new_id()
    log.error("internal error", error_id=id_, path=error.path, exc_info=original)
    return _coded(
        error, f"Something went wrong here; the server's log has it as {id_}.", {"code": "INTERNAL", "id": id_}
    )


def _original(error: GraphQLError) -> BaseException | None:
    """What a resolver raised: GraphQL wraps it, more than once where it passed a subscription."""
    original: BaseException | None = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return original


def _coded(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=error.original_error,
        extensions=extensions,
    )
