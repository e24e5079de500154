"""How numbers are shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """`kind` is Google's NumberFormatType (NUMBER, DATE, TEXT …); `pattern` may be empty: the locale's default."""

    kind: str
    pattern: str = ""
