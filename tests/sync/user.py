"""Somebody in psql, who stays connected: to connect takes twenty times as long as most statements."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from db.session import session_dsn


@asynccontextmanager
async def user_session(dsn: str) -> AsyncIterator[psycopg.Connection]:
    """Each statement is a commit."""
    # Nothing is prepared: it would be refused once its table has other columns.
    session = psycopg.connect(session_dsn(dsn, "user"), autocommit=True, prepare_threshold=None)
    with session:
        yield session


def rows_of(session: psycopg.Connection, statement: str) -> list[tuple[Any, ...]]:
    """What it returns, if anything."""
    cursor = session.execute(statement.encode())
    return cursor.fetchall() if cursor.description is not None else []
