"""Redis as the broadcaster's backend, by its public interface.

`broadcaster`'s own looks for messages before it has subscribed, finds with current clients that there is nothing to
look for, and never looks again; and what breaks it stays in a task that nobody waits for. Here it is raised.
"""

import asyncio

from broadcaster import BroadcastBackend, Event
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


class RedisBackend(BroadcastBackend):
    """One connection to publish by, another to hear from."""

    def __init__(self, url: str) -> None:
        # Whoever uses it connects anew: so what is retried, and when, is said in one place.
        self._client = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        self._heard = self._client.pubsub(ignore_subscribe_messages=True)
        self._subscribed = asyncio.Event()

    async def connect(self) -> None:
        """Raises what the client raises where nobody answers."""
        await self._client.ping()

    async def disconnect(self) -> None:
        """Of both."""
        try:
            await self._heard.aclose()  # type: ignore[no-untyped-call]
        finally:
            await self._client.aclose()

    async def subscribe(self, channel: str) -> None:
        """To hear what is published from now on."""
        await self._heard.subscribe(channel)
        self._subscribed.set()

    async def unsubscribe(self, channel: str) -> None:
        """Hear no more of it."""
        await self._heard.unsubscribe(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Returns once Redis has it."""
        await self._client.publish(channel, message)

    async def next_published(self) -> Event:
        """Waits without end, also before anything is subscribed to."""
        await self._subscribed.wait()
        while True:
            message = await self._heard.get_message(timeout=None)
            if message is not None:
                return Event(message["channel"].decode(), message["data"].decode())
