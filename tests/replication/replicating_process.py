"""A leader that replicates in a process of its own, for tests that kill it. Arguments: DSN, holder, ttl."""

import asyncio
import sys

from db.lease import Lease, Term
from replication.bus import BroadcastBus
from replication.runner import Replication
from tests import plain_log
from tests.replication.leader import ORIGIN_KEY


async def main(dsn: str, holder: str, ttl: float) -> None:
    async with BroadcastBus("memory://") as bus:

        async def lead(term: Term) -> None:
            print("leading", flush=True)
            await Replication(dsn, term, bus, ORIGIN_KEY, appended=lambda _: None, reconcile=lambda _: None).run()

        await Lease(dsn, holder, ttl).run(lead)


if __name__ == "__main__":
    plain_log.configure()
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
