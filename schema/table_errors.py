"""What a user's table can answer a query with, as errors that say what to do. For every query of such a table."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import errors

from db.errors import BadUserInput, Conflict
from db.sources import Source


@contextmanager
def table_errors(source: Source) -> Iterator[None]:
    """Inside, what Postgres refuses becomes BadUserInput (the values) or Conflict (the table is not as it was)."""
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        raise Conflict(
            f"{source.relation} is no longer what {source.name} was registered with: {_message(error)}. "
            "Restore it, or delete the source and register it anew."
        ) from error
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported) as error:
        raise Conflict(f"Postgres does not let this server do it: {_message(error)}.") from error
    except (errors.DeadlockDetected, errors.SerializationFailure) as error:
        raise Conflict(f"Another write was in the way, nothing was written: {_message(error)}. Try again.") from error
    except (errors.DataError, errors.IntegrityError, errors.RaiseException) as error:
        detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
        raise BadUserInput(f"{source.relation} refuses that: {_message(error)}.{detail}") from error


def _message(error: errors.Error) -> str:
    return error.diag.message_primary or str(error)
