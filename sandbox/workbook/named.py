"""Named ranges: cells that have a name of their own, which ranges and formulas may use."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sandbox.workbook import a1
from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,249}")
_R1C1 = re.compile(r"R\d*C\d*|R\d+|C\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NamedRange:
    """Names are compared without regard to case."""

    range_id: str
    name: str
    sheet_id: int
    area: Area

    def at(self, area: Area) -> "NamedRange":
        return replace(self, area=area)


def check_name(name: str, range_id: str, others: Iterable[NamedRange]) -> None:
    """Raises InvalidArgument where no range may have that name, or another one has it."""
    looks_like_cells = a1.is_cell(name) or _R1C1.fullmatch(name) is not None
    if _NAME.fullmatch(name) is None or looks_like_cells or name.lower() in ("true", "false"):
        raise InvalidArgument(f"The name '{name}' is not a valid name for a named range.")
    if any(other.name.lower() == name.lower() and other.range_id != range_id for other in others):
        raise InvalidArgument(f"A named range with the name '{name}' already exists.")
