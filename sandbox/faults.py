"""Faults that a test orders: the next calls that match are refused, delayed, dropped, or followed by an edit."""

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PersonEdit:
    """Values typed by a person into a range of a worksheet, from its first cell on."""

    spreadsheet: str
    worksheet: str
    range: str
    values: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """`match` is searched in "METHOD path". `after_apply` answers with the fault after the call was carried out."""

    match: str
    status: int | None = None
    delay_seconds: float | None = None
    drop: bool = False
    edit: PersonEdit | None = None
    times: int = 1
    after_apply: bool = False


class Faults:
    """The faults in order; the first that matches is used up."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def take(self, call: str) -> Fault | None:
        """The fault for this call, with one of its times spent."""
        for index, fault in enumerate(self.waiting):
            if re.search(fault.match, call):
                if fault.times > 1:
                    self.waiting[index] = replace(fault, times=fault.times - 1)
                else:
                    del self.waiting[index]
                return fault
        return None

    def clear(self) -> None:
        self.waiting.clear()
