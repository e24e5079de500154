"""Which transactions a query saw: the value of `pg_current_snapshot()`, and the widening of WAL's 32-bit xids.

Commits become visible in another order than their LSNs, so a set of rows can't be described by a log position alone:
it is described by the snapshot that read it.

>>> seen = Snapshot.parse("10:14:11,12")
>>> [xid for xid in range(9, 15) if seen.sees(xid)]
[9, 10, 13]
"""

from dataclasses import dataclass

_XID_MODULUS = 1 << 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`xmin:xmax:xip,…` of Postgres: below xmin all are over, from xmax on none, between them all but `running`."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """From the text of a `pg_snapshot`. ValueError if it is not that."""
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(str(xid) for xid in sorted(self.running))}"

    def sees(self, xid: int) -> bool:
        """Whether a committed top-level transaction (64-bit xid) is visible; `pg_visible_in_snapshot`."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)


def widen_xid(xid: int, reference: int) -> int:
    """The 64-bit xid of a 32-bit one: the nearest to `reference`, a 64-bit xid within 2^31 transactions of it.

    >>> widen_xid(3, 2**32 - 2) == 2**32 + 3, widen_xid(2**32 - 2, 2**32 + 3) == 2**32 - 2
    (True, True)
    """
    ahead = (xid - reference) % _XID_MODULUS
    return reference + ahead - (_XID_MODULUS if ahead >= _XID_MODULUS // 2 else 0)
