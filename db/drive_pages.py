"""Where in the changes of Google Drive each account has got to. Written by the leader alone."""

from collections.abc import Collection
from dataclasses import dataclass

from db.session import Connection


@dataclass(frozen=True, slots=True)
class DrivePage:
    """`token` is where the next look begins. `covered` are the files that the changes were seen to tell of."""

    token: str
    covered: frozenset[str]


async def drive_page(connection: Connection, account: str) -> DrivePage | None:
    """The page of an account; None where it never looked."""
    cursor = await connection.execute("SELECT token, covered FROM rowcast.drive_pages WHERE account = %s", (account,))
    row = await cursor.fetchone()
    return None if row is None else DrivePage(row[0], frozenset(row[1]))


async def keep_drive_page(connection: Connection, account: str, token: str, covered: Collection[str]) -> None:
    """Everything before the token was looked at."""
    await connection.execute(
        """INSERT INTO rowcast.drive_pages (account, token, covered) VALUES (%s, %s, %s)
           ON CONFLICT (account) DO UPDATE SET token = excluded.token, covered = excluded.covered""",
        (account, token, sorted(covered)),
    )
