"""A cell: what was entered, how it is shown. Frozen: a change makes a new cell."""

from dataclasses import dataclass

from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.formula_formats import format_of
from sandbox.workbook.number_format import NumberFormat

MAX_CHARACTERS = 50_000

Scalar = bool | float | str


@dataclass(frozen=True, slots=True)
class CellError:
    """What a formula gives that can't be computed. `kind` is Google's ErrorType, `text` is what the cell shows."""

    kind: str
    text: str
    message: str = ""


Effective = Scalar | CellError | None


@dataclass(frozen=True, slots=True)
class Cell:
    """`value` or `formula` (with its `=`), never both. `appearance` and `validation` are JSON text kept as it came."""

    value: Scalar | None = None
    formula: str | None = None
    number_format: NumberFormat | None = None
    appearance: str = ""
    note: str = ""
    validation: str = ""

    @property
    def shown_format(self) -> NumberFormat | None:
        """Its own format, else the one that its formula's result has by nature."""
        if self.number_format is not None or self.formula is None:
            return self.number_format
        return format_of(self.formula)

    @property
    def has_content(self) -> bool:
        return self.value is not None or self.formula is not None


EMPTY = Cell()


def checked_text(text: str) -> str:
    """The text itself.

    Raises:
        InvalidArgument: it is longer than a cell holds.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidArgument(
            f"Your input contains more than the maximum of {MAX_CHARACTERS} characters in a single cell."
        )
    return text
