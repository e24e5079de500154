"""A field of an update that was not given, as distinct from one that is null."""

from enum import Enum
from typing import Literal


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""It keeps its value. None clears, where that means something."""
Absent = Literal[_Absent.ABSENT]
