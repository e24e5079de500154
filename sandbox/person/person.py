"""The person, put together."""

from collections.abc import Callable

from sandbox.drive import Drive
from sandbox.person.cells import CellEdits
from sandbox.person.edits import Edited, Edits
from sandbox.person.lines import LineEdits
from sandbox.person.reverts import Reverts
from sandbox.person.sheets import SheetEdits


class Person:
    """Edits by hand. `tell` hears of each."""

    def __init__(self, drive: Drive, tell: Callable[[Edited], None]) -> None:
        edits = Edits(drive, tell)
        self.cells = CellEdits(edits)
        self.lines = LineEdits(edits)
        self.sheets = SheetEdits(edits)
        self.reverts = Reverts(edits)
