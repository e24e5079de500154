"""Where something stands in the change log.

A position is (epoch, lsn, index), ordered like the tuple:

- `epoch` rises whenever the log can't be continued without a gap (a restored database, a promoted standby,
  a lost slot). Positions of an earlier epoch say nothing about this one.
- `lsn` is the commit LSN of the transaction, as an integer (`0/16B3748` is 0x16B3748).
- `index` counts the entries of one commit from 1. Index 0 is the point just before the commit's first entry.

>>> Position(1, parse_lsn("0/16B3748"), 2) > Position(1, parse_lsn("0/16B3748"), 1)
True
>>> format_lsn(parse_lsn("A/16B3748"))
'A/16B3748'
"""

import msgspec

LAST_INDEX = 2**31 - 1
"""Behind every entry of a commit, however many it has."""


class Position(msgspec.Struct, frozen=True, order=True, gc=False):
    """A point in the log; what is read "after" it begins with the next entry."""

    epoch: int
    lsn: int
    index: int


def parse_lsn(text: str) -> int:
    """The integer of Postgres' `X/Y` notation. ValueError if it is not that."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) | int(low, 16)


def format_lsn(lsn: int) -> str:
    """Postgres' `X/Y` notation, as `pg_lsn` prints it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
