"""What subscribers have in common to whom the same of a commit is nothing. Pure."""

from collections.abc import Hashable

from db.changes import Transaction

_MOST = 8
"""Kinds of subscribers that are remembered of a commit."""


class Alike:
    """Subscribers who agree in all of `of`. Compared by its hash first: most are others, and filters are large."""

    __slots__ = ("_hash", "_of")

    def __init__(self, *of: Hashable) -> None:
        self._of = of
        self._hash = hash(of)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike) and self._hash == other._hash and self._of == other._of

    def passed(self, transaction: Transaction) -> bool:
        """Whether one like these has found that the slice is nothing to it."""
        return self in transaction.nothing_to

    def passes(self, transaction: Transaction) -> None:
        """It is nothing to these: who reads the same page of the log after them needn't look."""
        if len(transaction.nothing_to) < _MOST and self not in transaction.nothing_to:
            transaction.nothing_to.append(self)
