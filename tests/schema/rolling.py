"""What tests of rolling back ask and look at."""

import psycopg

from db.session import session_dsn
from tests.schema.ground import Ground, Json

SOURCE = """mutation($to: Cursor!, $source: String = "customers") {
  rollbackSource(source: $source, to: $to) { transactionId cursor deleted rows { key data } }
}"""
ROW = """mutation($key: JSON!, $to: Cursor!, $source: String = "customers") {
  rollbackRow(source: $source, key: $key, to: $to) { transactionId cursor deleted rows { key data } }
}"""


async def as_of(ground: Ground, source: str = "customers") -> str:
    """The cursor of the rows now."""
    cursor: str = (await ground.run(f'{{ rows(source: "{source}") {{ asOf }} }}'))["asOf"]
    return cursor


def table(ground: Ground, name: str = "customers") -> list[tuple[object, ...]]:
    """All that the table has, as Postgres prints it."""
    with psycopg.connect(session_dsn(ground.dsn, "user")) as connection:
        return connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1".encode()).fetchall()


async def whole_history(ground: Ground) -> list[Json]:
    """Oldest first, once the log has all of it."""
    query = """query($after: String) { history(source: "customers", first: 1000, after: $after) {
      nodes { cursor transactionId cause actor change { operation key row before } } endCursor hasNextPage
    } }"""
    async with ground.subscribe('subscription { changes(source: "customers") { upToDate } }') as stream:
        await stream.until_up_to_date()
    found: list[Json] = []
    after = None
    while True:
        page = await ground.run(query, {"after": after})
        found += page["nodes"]
        after = page["endCursor"]
        if not page["hasNextPage"]:
            return found[::-1]
