"""Every value that anybody entered, to be found again: in the end state, in history, in a conflict or a failure.

Each value is entered once, so that finding it is finding the edit.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.interleavings.actions import Column


def canonical(value: Any) -> str:
    """A value as its text: 7, 7.0 and "7" are one."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def scalars(document: Any) -> Iterator[str]:
    """All values in a JSON document."""
    if isinstance(document, dict):
        for value in document.values():
            yield from scalars(value)
    elif isinstance(document, list):
        for value in document:
            yield from scalars(value)
    elif document is not None:
        yield canonical(document)


@dataclass
class Ledger:
    """`entered` says by value what was done with it."""

    entered: dict[str, str] = field(default_factory=dict)
    _count: int = 1000

    def number(self, what: str) -> int:
        """A new whole number, entered by `what`."""
        self._count += 1
        self.entered[str(self._count)] = what
        return self._count

    def text(self, what: str) -> str:
        """A new text, entered by `what`."""
        self._count += 1
        self.entered[f"t{self._count}"] = what
        return f"t{self._count}"

    def value(self, column: Column, what: str) -> int | str:
        """A new value that the column takes, entered by `what`."""
        return self.number(what) if column is Column.QTY else self.text(what)

    def key(self) -> int:
        """A new key; keys aren't looked for."""
        self._count += 1
        return self._count

    def forget(self, values: Iterable[Any]) -> None:
        """Values that a person overwrote or deleted where he had them before his eyes: nobody has to keep them."""
        for value in values:
            self.entered.pop(canonical(value), None)

    def lost(self, found: Iterable[str]) -> dict[str, str]:
        """What was entered and is nowhere to be found."""
        known = set(found)
        return {value: what for value, what in self.entered.items() if value not in known}
