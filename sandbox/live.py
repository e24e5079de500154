"""Tells open pages that a spreadsheet changed, by server-sent events. Carries no cells: a page reads what it shows."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from sandbox.drive import File

_KEEPALIVE_SECONDS = 15


class Live:
    """The open pages of each spreadsheet."""

    def __init__(self) -> None:
        self._watching: dict[str, set[asyncio.Event]] = {}
        self._versions: dict[str, int] = {}
        self._closed = False

    def changed(self, _old: File, new: File) -> None:
        """A drive listener."""
        self._versions[new.file_id] = new.version
        for event in self._watching.get(new.file_id, ()):
            event.set()

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        self._closed = True
        for events in self._watching.values():
            for event in events:
                event.set()

    async def stream(self, file: File) -> AsyncIterator[str]:
        """The text of an event stream: the version at once, and again after each change."""
        with self._watch(file.file_id) as event:
            self._versions.setdefault(file.file_id, file.version)
            yield "retry: 500\n\n"
            while not self._closed:
                event.clear()
                yield f"event: version\ndata: {self._versions[file.file_id]}\n\n"
                while not event.is_set():
                    try:
                        await asyncio.wait_for(event.wait(), _KEEPALIVE_SECONDS)
                    except TimeoutError:
                        yield ": still here\n\n"

    @contextmanager
    def _watch(self, file_id: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        watching = self._watching.setdefault(file_id, set())
        watching.add(event)
        try:
            yield event
        finally:
            watching.discard(event)
