"""The rows that a client builds of what it is sent, as strictly as a client can."""

from collections.abc import Iterable, Sequence
from typing import Any

Json = Any


class StrictRows:
    """Applies the batches of `changes` by the key `id`. `columns`: those that were asked for; None: all.

    `wrong` says what can't be: a change of a row that is not there as it was before, an insert of one that is.
    """

    def __init__(self, columns: Sequence[str] | None = None) -> None:
        self.columns = columns
        self.rows: dict[int, Json] = {}
        self.cursor: str | None = None
        self.wrong: list[str] = []
        self.batches = self.resets = 0

    def apply(self, batch: Json) -> None:
        """One batch, with `cursor`, `reset` and of each change `operation`, `key`, `row` and `before`."""
        self.batches += 1
        if batch["reset"]:
            self.resets += 1
            self.rows.clear()
        for change in batch["changes"]:
            if change["operation"] == "TRUNCATE":
                self.rows.clear()
                continue
            id_ = change["key"]["id"]
            if change["operation"] != "INSERT":
                had = self.rows.pop(id_, None)
                if had is None or had != change["before"]:
                    self._say(f"{change['operation']} of {id_}: had {had}, before is {change['before']}")
            if change["operation"] != "DELETE":
                if id_ in self.rows:
                    self._say(f"{change['operation']} of {id_}, which is there")
                self.rows[id_] = change["row"]
        self.cursor = batch["cursor"]

    def expected(self, nodes: Iterable[Json]) -> dict[int, Json]:
        """What the rows must be where the query answers with these nodes."""
        return {
            node["key"]["id"]: {n: v for n, v in node["data"].items() if self.columns is None or n in self.columns}
            for node in nodes
        }

    def _say(self, what: str) -> None:
        if len(self.wrong) < 5:
            self.wrong.append(f"batch {self.batches}: {what}")
