"""`make soak-live`, or `python -m bench.soak [minutes] [seed]`: kills at random, and nobody is fooled.

Three servers on one Postgres; of them and of Postgres one is killed (kill -9) every ten seconds or so, and started
again. The first server is spared, so that a process which lives through everything can be watched; a third of all
subscribers are with it at any time. A hundred subscribers with random filters, columns and intervals follow a table
that is written to at random, and come back when they leave, now and then, or are cut off. At the end the set of each is
compared with what the query says. Exit code 1 where anything is wrong.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import psycopg

from bench.soak.places import Places
from bench.soak.subscriber import Subscriber
from bench.soak.things import bind, statement
from bench.soak.vitals import Vitals, beyond, growth, sample, vitals
from db.embedded import EmbeddedPostgres
from tests.postgres import copied_server, initialised_cluster
from tests.server import GraphQLFailed, ProcessServer, eventually, server_settings

SERVERS: Final = 3
SUBSCRIBERS: Final = 100
WRITERS: Final = 3
_PAUSE_S: Final = 0.25
"""Of a writer, on average: one process has all subscribers, and what it lags behind has to be waited for at the end."""
_PATIENCE_S: Final = 300.0
_REST_S: Final = 3.0
_POOL: Final = 25
"""Connections to Postgres that a server may have open."""


class Soak:
    """One run."""

    def __init__(self, postgres: EmbeddedPostgres, folder: Path, seed: int, broadcast: str) -> None:
        self._postgres = postgres
        self._chance = random.Random(seed)  # noqa: S311 - what is tried, not a secret
        for number in range(SERVERS):
            (folder / f"server{number}").mkdir()
        self.servers = [
            ProcessServer(server_settings(postgres.dsn, made, broadcast_url=broadcast, log_level="warning"))
            for made in (folder / f"server{number}" for number in range(SERVERS))
        ]
        self.subscribers = [Subscriber(number, seed) for number in range(SUBSCRIBERS)]
        self.done: Counter[str] = Counter()

    def follow(self, share: int) -> "list[asyncio.Task[None]]":
        """All subscribers, until they are cancelled: so many of them with the first server."""
        places = Places(self.servers[0], share, self.servers[1:])
        return [asyncio.create_task(each.run(places)) for each in self.subscribers]

    async def write(self, seed: str) -> None:
        """One writer, until cancelled."""
        chance = random.Random(seed)  # noqa: S311 - as above
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._postgres.dsn, autocommit=True) as connection:
                    await connection.execute("SET lock_timeout = '5s'")
                    while True:
                        async with connection.transaction():
                            for _ in range(chance.choice((1, 1, 1, 3))):
                                text, values = statement(chance)
                                await connection.execute(text.encode(), values)
                                self.done[text.split()[0]] += 1
                        await asyncio.sleep(_PAUSE_S * chance.random() * 2)
            except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
                continue  # it was rolled back, as it may be
            except psycopg.OperationalError:
                await asyncio.sleep(0.2)

    async def kill(self, enough: asyncio.Event) -> None:
        """One thing after the other, and each is started again."""
        while not await _within(self._chance.uniform(4, 16), enough):
            if self._chance.random() < 0.25:
                await asyncio.to_thread(self._postgres.kill)
                await asyncio.sleep(self._chance.uniform(0, 3))
                await asyncio.to_thread(self._postgres.start)
                self.done["Postgres killed"] += 1
                self.launch_again()
            else:
                server = self._chance.choice(self.servers[1:])
                await server.kill()
                await asyncio.sleep(self._chance.uniform(0, 3))
                server.launch()
                self.done["server killed"] += 1

    def launch_again(self) -> None:
        """What didn't start since Postgres was away, as whoever supervises servers does."""
        for server in self.servers:
            if server.process.poll() is not None:
                server.launch()

    async def warm_up(self) -> None:
        """All subscribers follow the first server, and leave: it has the pool then, and the caches, that it keeps."""
        following = self.follow(SUBSCRIBERS)
        await eventually(self._begun, _PATIENCE_S)
        await _cancel(following)
        await asyncio.sleep(_REST_S)

    async def _begun(self) -> bool:
        return all(each.cursor is not None for each in self.subscribers)

    async def ready(self) -> bool:
        """Whether all are."""
        self.launch_again()
        return all([await server.ready() for server in self.servers])

    async def agrees(self, subscriber: Subscriber) -> bool:
        """Whether it has what the query has."""
        try:
            return await subscriber.shows_all(self.servers[0]) == subscriber.rows
        except GraphQLFailed as error:
            if error.code != "UNAVAILABLE":
                raise
            return False
        except httpx.HTTPError:
            return False


async def _within(seconds: float, happened: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(happened.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


async def _disagreements(soak: Soak) -> list[str]:
    """Of the subscribers, once what is under way has come."""
    begun = time.monotonic()
    left = soak.subscribers
    while left and time.monotonic() < begun + _PATIENCE_S:
        left = [each for each in left if not await soak.agrees(each)]
        await asyncio.sleep(0.5 if left else 0)
    print(f"{len(soak.subscribers) - len(left)} sets are equal, {time.monotonic() - begun:.0f} s after the last commit")
    found = []
    for each in left:
        expected = await each.shows_all(soak.servers[0])
        differ = {id_ for id_ in expected.keys() | each.rows.keys() if expected.get(id_) != each.rows.get(id_)}
        few = [(id_, each.rows.get(id_), expected.get(id_)) for id_ in sorted(differ)[:3]]
        found.append(f"{each.name}: {len(differ)} rows differ, such as (id, has, should have) {few}")
    return found


async def soak(seconds: float, seed: int, broadcast: str = "memory://") -> list[str]:
    """What was wrong; prints what was done."""
    wrong: list[str] = []
    with initialised_cluster() as cluster, copied_server(cluster) as postgres, tempfile.TemporaryDirectory() as folder:
        run = Soak(postgres, Path(folder), seed, broadcast)
        async with AsyncExitStack() as stack:
            for server in run.servers:
                stack.push_async_callback(server.stop)
                server.launch()
                await eventually(server.ready_or_dead, _PATIENCE_S)
            await bind(postgres.dsn)
            await run.warm_up()
            bare = await vitals(run.servers[0])
            following = run.follow(SUBSCRIBERS // SERVERS)
            taken: list[Vitals] = []
            enough = asyncio.Event()
            killing = asyncio.create_task(run.kill(enough))
            others = [
                asyncio.create_task(sample(run.servers[0], taken)),
                *(asyncio.create_task(run.write(f"{seed} {n}")) for n in range(WRITERS)),
            ]
            done, _ = await asyncio.wait(
                [killing, *following, *others], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
            enough.set()
            await killing
            await _cancel(others)
            for each in run.subscribers:
                each.leaves = False
            await eventually(run.ready, _PATIENCE_S)
            wrong += await _disagreements(run)
            wrong += [f"{each.name}: {what}" for each in run.subscribers for what in each.wrong]
            before, after, grown = growth(taken)
            wrong += [f"the first server's {what}" for what in grown]
            await _cancel(following)
            await asyncio.sleep(_REST_S)
            left = await vitals(run.servers[0])
            # What allocators and caches took once they keep, and so does the pool, for ten minutes.
            kept = replace(bare, memory_mb=after.memory_mb, descriptors=bare.descriptors + _POOL)
            wrong += [f"with nobody left, the first server's {what}" for what in beyond(kept, left)]
            print(f"seed {seed}: {dict(run.done)}")
            total = sum(each.batches for each in run.subscribers)
            cut = sum(each.connections for each in run.subscribers) - SUBSCRIBERS
            resets = sum(each.resets for each in run.subscribers)
            print(f"{SUBSCRIBERS} subscribers: {total} batches, {cut} times come back, {resets} resets")
            print(f"the first server, alone: {bare}\n  second quarter: {before}\n  last quarter:   {after}")
            print(f"  with nobody left: {left}")
            if resets:
                wrong.append(f"{resets} resets, though the log was there")
            for server in run.servers:
                text = server.log.read_text()
                if "Traceback" in text or "AssertionError" in text:
                    at = text.find("Traceback")
                    wrong.append(f"{server.log.parent.name} logged: {text[max(0, at - 500) : at + 2500]}")
    return wrong


def main() -> int:
    """Exit code."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)  # noqa: S311 - as above
    print(f"{minutes:g} minutes, seed {seed}", flush=True)
    wrong = asyncio.run(soak(minutes * 60, seed))
    for what in wrong:
        print(f"WRONG: {what}")
    print(
        "Every subscriber has what the table has, and nothing grew." if not wrong else f"{len(wrong)} things are wrong."
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
