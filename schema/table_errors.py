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
            f"{source.relation} is no longer what {source.name} was registered with: {error.diag.message_primary}. "
            "Restore it, or delete the source and register it anew."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise Conflict(f"Postgres does not let this server do it: {error.diag.message_primary}. Grant it.") from error
    except (errors.DataError, errors.IntegrityError, errors.RaiseException) as error:
        detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
        raise BadUserInput(f"{source.relation} refuses that: {error.diag.message_primary}.{detail}") from error
