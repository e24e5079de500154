"""Tells open pages what changed in a spreadsheet, by whom, as server-sent events. They carry places, no contents: a
page reads what it shows, and moves with its rows and columns what it has selected."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson

from sandbox.changed import changed_cells
from sandbox.drive import File
from sandbox.google.json_value import JsonObject
from sandbox.workbook.shifts import Deleted, Inserted, LineShift, Moved

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
    """`{version, by, page, sheets, shifts}`; `page` is empty where a program wrote.

    `sheets` has the cells of each sheet, `{id: [[row, column] …]}`; `shifts` what became of its rows and columns, in
    that order: `{id: [{did, dimension, size, at, count} …]}`, where `size` is how many there were until then, and `did`
    is insert, delete, or move; then `to` says before which line they went.
    """
    before = {sheet.sheet_id: sheet for sheet in old.spreadsheet.sheets}
    sheets, shifts = {}, {}
    for sheet in new.spreadsheet.sheets:
        known = before.get(sheet.sheet_id)
        if known is None or known is sheet:
            continue
        if places := changed_cells(known, sheet, _CELLS):
            sheets[str(sheet.sheet_id)] = places
        if sheet.shifts:
            shifts[str(sheet.sheet_id)] = [_shift(one) for one in sheet.shifts]
    told = {
        "version": new.version,
        "by": new.editor.name,
        "page": new.editor.page,
        "sheets": sheets,
        "shifts": shifts,
    }
    return f"event: change\ndata: {orjson.dumps(told).decode()}\n\n"


def _shift(line: LineShift) -> JsonObject:
    told: JsonObject = {"dimension": line.dimension.value, "size": line.size}
    match line.shift:
        case Inserted(at, count):
            return {**told, "did": "insert", "at": at, "count": count}
        case Deleted(start, end):
            return {**told, "did": "delete", "at": start, "count": end - start}
        case Moved(start, end, to):
            return {**told, "did": "move", "at": start, "count": end - start, "to": to}
