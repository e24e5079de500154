"""A client's copy of a source's rows, kept by `changes` alone: it must never miss or repeat anything."""

from typing import Any

Json = Any


class Mirror:
    """Applies batches as the contract says, and asserts what it promises on the way."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Json]] = {}
        self.cursor: str | None = None
        self.up_to_date = False
        self.resets = 0
        self.entries: list[tuple[str, int]] = []

    def apply(self, batch: Json) -> None:
        """One batch of `changes`."""
        if batch["reset"]:
            self.rows.clear()
            self.resets += 1
        self.cursor = batch["cursor"]
        self.up_to_date = self.up_to_date or batch["upToDate"]
        for change in batch["changes"]:
            self._apply_change(change)

    def _apply_change(self, change: Json) -> None:
        id_: int = change["key"]["id"]
        self.entries.append((change["operation"], id_))
        match change["operation"]:
            case "INSERT":
                assert id_ not in self.rows, f"{id_} was inserted twice"
                self.rows[id_] = change["row"]
            case "UPDATE":
                assert self.rows[id_] == change["before"], f"an update of {id_} was missed or repeated"
                self.rows[id_] = change["row"]
            case "DELETE":
                assert self.rows.pop(id_) == change["before"], f"an update of {id_} was missed"
