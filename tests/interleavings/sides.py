"""A source's table, its API and the sandbox's control, as a test reaches them."""

from typing import Any, Final

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from sandbox.server import Sandbox
from tests.loopback import LOOPBACK
from tests.server import GraphQLFailed, ProcessServer

Json = Any
_HELD: Final = "query ($name: String!) { source(name: $name) { heldRun { id } } }"
_CONFIRM: Final = "mutation ($run: ID!) { confirmDeletes(run: $run) { state } }"
_NOT_NOW: Final = ("SOURCE_UNREACHABLE", "UNAVAILABLE", "CONFLICT", "NOT_FOUND")


class Sides:
    """What is told apart by the source's name: `public.<name>`, the GraphQL API, the sandbox."""

    def __init__(self, server: ProcessServer, sandbox: Sandbox, dsn: str, name: str) -> None:
        self.server = server
        self.sandbox = sandbox
        self.name = name
        self._dsn = dsn

    async def graphql(self, document: str, **variables: Json) -> Json:
        return await self.server.graphql(document, {"name": self.name, **variables})

    async def attempt(self, document: str, **variables: Json) -> Json:
        """The same; None where it can't be done now, or is not to be done any more."""
        try:
            return await self.graphql(document, **variables)
        except GraphQLFailed as error:
            if error.code not in _NOT_NOW:
                raise
        return None

    async def let_go(self) -> None:
        """Confirms the deletes that are held, if there are any."""
        held = (await self.graphql(_HELD))["source"]["heldRun"]
        if held is not None:
            await self.attempt(_CONFIRM, run=held["id"])

    async def control(self, method: str, path: str, body: Json = None) -> Json:
        async with httpx.AsyncClient(base_url=self.sandbox.url, **LOOPBACK) as http:
            answer = await http.request(method, f"/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def sql(self, statement: str, *parameters: Json, column: str = "id") -> list[dict[str, Any]]:
        """One statement, committed; `{table}` and `{column}` stand for names."""
        return await self.commit([(statement, column, parameters)])

    async def commit(self, statements: list[tuple[str, str, tuple[Json, ...]]]) -> list[dict[str, Any]]:
        """Several in one commit; the rows of the last."""
        rows: list[dict[str, Any]] = []
        async with await psycopg.AsyncConnection.connect(self._dsn, row_factory=dict_row) as connection:
            for statement, column, parameters in statements:
                query = sql.SQL(statement).format(
                    table=sql.Identifier("public", self.name), column=sql.Identifier(column)
                )
                cursor = await connection.execute(query, parameters)
                rows = [] if cursor.description is None else await cursor.fetchall()
        return rows

    async def keys(self) -> list[int]:
        """Of the table's rows."""
        return [row["id"] for row in await self.sql("SELECT id FROM {table} ORDER BY id")]
