"""Protected ranges: cells that only named editors may write."""

from dataclasses import dataclass, replace

from sandbox.workbook.a1 import Area
from sandbox.workbook.errors import InvalidArgument

REFUSAL = (
    "You are trying to edit a protected cell or object. "
    "Please contact the spreadsheet owner to remove protection if you need to edit."
)


@dataclass(frozen=True, slots=True)
class ProtectedRange:
    """`area` None protects the whole sheet, but for its `open_areas`."""

    protected_id: int
    sheet_id: int
    area: Area | None
    editors: tuple[str, ...] = ()
    description: str = ""
    warning_only: bool = False
    open_areas: tuple[Area, ...] = ()

    def at(self, area: Area) -> "ProtectedRange":
        return replace(self, area=area)

    def refuses(self, editor: str | None, sheet_id: int, area: Area) -> bool:
        """Whether that editor must not write these cells. None may edit anything: a person, the file's owner."""
        if editor is None or self.warning_only or self.sheet_id != sheet_id or editor in self.editors:
            return False
        if self.area is None:
            return not any(
                one.holds(area.top, area.left) and one.holds(area.bottom - 1, area.right - 1) for one in self.open_areas
            )
        return self.area.meets(area)


def check_insert(protections: dict[int, ProtectedRange], editor: str | None, sheet_id: int, between: Area) -> None:
    """Raises InvalidArgument where lines would go amid protected cells; `between` has no height, or no width."""
    if between.height == 0:
        before, after = replace(between, top=between.top - 1), replace(between, bottom=between.bottom + 1)
    else:
        before, after = replace(between, left=between.left - 1), replace(between, right=between.right + 1)
    for protected in protections.values():
        if protected.refuses(editor, sheet_id, before) and protected.refuses(editor, sheet_id, after):
            raise InvalidArgument(REFUSAL)


def check(protections: dict[int, ProtectedRange], editor: str | None, sheet_id: int, area: Area) -> None:
    """Raises InvalidArgument where the write touches a protected cell."""
    if any(protected.refuses(editor, sheet_id, area) for protected in protections.values()):
        raise InvalidArgument(REFUSAL)
