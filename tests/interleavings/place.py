"""What the world needs to know of a source, whatever it is: a sheet or a feed, as its owner sees it."""

from typing import Any, Protocol

from tests.interleavings.sides import Sides


class Place(Protocol):
    """Where the rows are that are not in a table."""

    def settings(self) -> dict[str, Any]:
        """What a registration says of it."""
        ...

    def fill(self, rows: int) -> None:
        """Rows with keys from 1 on."""
        ...

    async def connect(self, sides: Sides) -> None:
        """Once it is registered."""
        ...

    def lines(self) -> list[dict[str, Any]]:
        """The rows, by column, each with an `id` unless it has none."""
        ...

    def tidy(self) -> None:
        """The owner mends what keeps all deletes waiting, and is not about to edit anything."""
        ...

    def is_unseen(self, value: str) -> bool:
        """Whether a value was entered just between a look of ours and the write that followed it: neither Google's API
        nor the feed has a compare-and-set, so nobody can tell then what the write overwrote."""
        ...
