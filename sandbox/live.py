"""Tells open pages what changed in a spreadsheet, by whom, as server-sent events. They carry places, no contents: a
page reads what it shows."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson

from sandbox.changed import changed_cells
from sandbox.drive import File

_KEEPALIVE_SECONDS = 15
_CELLS = 500  # named in one event: more at once is no flash, it is a new sheet
_EVENTS = 1000  # kept for a page that reads slowly; of older ones only the last version is told


@dataclass(slots=True, eq=False)
class _Watcher:
    """One open page: what it hasn't been told yet."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[str] = field(default_factory=list)


class Live:
    """The open pages of each spreadsheet."""

    def __init__(self) -> None:
        self._watching: dict[str, set[_Watcher]] = {}
        self._closed = False

    def changed(self, old: File, new: File) -> None:
        """A drive listener."""
        watchers = self._watching.get(new.file_id)
        if not watchers:
            return
        event = _change(old, new)
        for watcher in watchers:
            watcher.events.append(event)
            del watcher.events[:-_EVENTS]
            watcher.wake.set()

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        self._closed = True
        for watchers in self._watching.values():
            for watcher in watchers:
                watcher.wake.set()

    async def stream(self, file: File) -> AsyncIterator[str]:
        """The text of an event stream: `version` at once, then a `change` for each change."""
        with self._watch(file.file_id) as watcher:
            yield f"retry: 500\n\nevent: version\ndata: {orjson.dumps({'version': file.version}).decode()}\n\n"
            while not self._closed:
                watcher.wake.clear()
                events, watcher.events = watcher.events, []
                if events:
                    yield "".join(events)
                while not watcher.wake.is_set():
                    try:
                        await asyncio.wait_for(watcher.wake.wait(), _KEEPALIVE_SECONDS)
                    except TimeoutError:
                        yield ": still here\n\n"

    @contextmanager
    def _watch(self, file_id: str) -> Iterator[_Watcher]:
        watcher = _Watcher()
        watching = self._watching.setdefault(file_id, set())
        watching.add(watcher)
        try:
            yield watcher
        finally:
            watching.discard(watcher)


def _change(old: File, new: File) -> str:
    """`{version, by, page, sheets: {id: [[row, column] …]}}`; `page` is empty where a program wrote."""
    before = {sheet.sheet_id: sheet for sheet in old.spreadsheet.sheets}
    sheets = {}
    for sheet in new.spreadsheet.sheets:
        known = before.get(sheet.sheet_id)
        if known is not None and (places := changed_cells(known, sheet, _CELLS)):
            sheets[str(sheet.sheet_id)] = places
    told = {"version": new.version, "by": new.editor.name, "page": new.editor.page, "sheets": sheets}
    return f"event: change\ndata: {orjson.dumps(told).decode()}\n\n"
