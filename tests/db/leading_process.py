"""A leader in a process of its own, for a test that stops it. Arguments: DSN, holder, ttl. Says each thing it does.

It opens a fenced transaction, writes a row, and goes on when it is told to by a line on stdin. The work runs beside
the lease, as if it had not heard yet that it was cancelled.
"""

import asyncio
import sys

import psycopg

from db.errors import LeadershipLost
from db.lease import Lease, Term
from db.session import connect
from tests import plain_log


def say(line: str) -> None:
    print(line, flush=True)


async def work(dsn: str, term: Term) -> None:
    try:
        async with await connect(dsn, term.holder) as connection, connection.transaction():
            await term.fence(connection)
            await connection.execute("INSERT INTO written VALUES (%s)", (term.number,))
            say(f"wrote in term {term.number}")
            # Blocks the whole process on purpose: the signal comes while it does nothing else.
            sys.stdin.readline()
            say("woke")
        say("committed")
    except psycopg.OperationalError:
        say("could not commit")
    try:
        term.check()
        say("would call the source")
    except LeadershipLost:
        say("calls nothing")
    try:
        async with await connect(dsn, term.holder) as connection, connection.transaction():
            # Even if its clock were wrong, the database would not let it.
            term.deadline = float("inf")
            await term.fence(connection)
            say("fenced again")
    except LeadershipLost:
        say("fenced out")


async def main(dsn: str, holder: str, ttl: float) -> None:
    taken: asyncio.Future[Term] = asyncio.get_running_loop().create_future()

    async def lead(term: Term) -> None:
        taken.set_result(term)
        await asyncio.Event().wait()

    leading = asyncio.create_task(Lease(dsn, holder, ttl).run(lead))
    await work(dsn, await taken)
    leading.cancel()
    await asyncio.wait({leading})


if __name__ == "__main__":
    plain_log.configure()
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
