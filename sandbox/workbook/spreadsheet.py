"""A spreadsheet: its sheets, what is attached to them, and how a range's text finds its cells."""

from dataclasses import dataclass, field, replace

from sandbox.workbook import a1
from sandbox.workbook.a1 import Area
from sandbox.workbook.conditions import FilterView
from sandbox.workbook.entry import Typing
from sandbox.workbook.errors import InvalidArgument
from sandbox.workbook.locales import Locale, locale
from sandbox.workbook.metadata import DeveloperMetadata
from sandbox.workbook.named import NamedRange
from sandbox.workbook.protection import ProtectedRange
from sandbox.workbook.sheet import Sheet, check_size
from sandbox.workbook.tables import Table


@dataclass(slots=True)
class Spreadsheet:
    """Sheets in the order of their tabs. A copy is cheap and changes apart: an edit works on a copy, and takes effect
    by taking the original's place. `year` is that in which the copy is edited: dates may be typed without one."""

    title: str
    sheets: list[Sheet] = field(default_factory=lambda: [Sheet(0, "Sheet1")])
    locale: str = "en_US"
    time_zone: str = "Etc/GMT"
    metadata: dict[int, DeveloperMetadata] = field(default_factory=dict)
    protections: dict[int, ProtectedRange] = field(default_factory=dict)
    named: dict[str, NamedRange] = field(default_factory=dict)
    filter_views: dict[int, FilterView] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    year: int | None = None

    @property
    def home(self) -> Locale:
        """What its locale stands for."""
        return locale(self.locale)

    @property
    def typing(self) -> Typing:
        """How what is typed into it is read."""
        return Typing(self.home, self.year)

    def copy(self) -> "Spreadsheet":
        return replace(
            self,
            sheets=[sheet.copy() for sheet in self.sheets],
            metadata=dict(self.metadata),
            protections=dict(self.protections),
            named=dict(self.named),
            filter_views=dict(self.filter_views),
            tables=dict(self.tables),
        )

    def sheet(self, sheet_id: int) -> Sheet:
        """The sheet with that id.

        Raises:
            InvalidArgument: there is none.
        """
        for sheet in self.sheets:
            if sheet.sheet_id == sheet_id:
                return sheet
        raise InvalidArgument(f"No grid with id: {sheet_id}")

    def titled(self, title: str) -> Sheet | None:
        """The sheet of that title; titles are compared without regard to case."""
        return next((sheet for sheet in self.sheets if sheet.title.lower() == title.lower()), None)

    def named_range(self, name: str) -> NamedRange | None:
        """The named range of that name, in any case; it goes before a sheet of the same title, as at Google."""
        return next((entry for entry in self.named.values() if entry.name.lower() == name.lower()), None)

    def resolve(self, text: str) -> tuple[Sheet, Area]:
        """The cells that a range names, cut to the grid.

        Raises:
            InvalidArgument: it can't be read, names no sheet, or starts outside of the grid.
        """
        sheet, wanted = self._find(text)
        area = Area(
            wanted.top or 0,
            wanted.left or 0,
            sheet.row_count if wanted.bottom is None else wanted.bottom,
            sheet.column_count if wanted.right is None else wanted.right,
        )
        if area.top >= sheet.row_count or area.left >= sheet.column_count:
            raise exceeds_grid(sheet, area)
        return sheet, replace(area, bottom=min(area.bottom, sheet.row_count), right=min(area.right, sheet.column_count))

    def resolve_for_writing(self, text: str, height: int, width: int) -> tuple[Sheet, Area]:
        """The cells that a block of values goes to. A single cell stands for a block of any size that begins there.

        Raises:
            InvalidArgument: as `resolve`, or the values don't fit the range or the grid.
        """
        sheet, wanted = self._find(text)
        top, left = wanted.top or 0, wanted.left or 0
        if not wanted.is_single_cell:
            limit = Area(
                top,
                left,
                sheet.row_count if wanted.bottom is None else wanted.bottom,
                sheet.column_count if wanted.right is None else wanted.right,
            )
            if height > limit.height:
                raise _overflow(sheet, limit, f"row [{limit.bottom + 1}]")
            if width > limit.width:
                raise _overflow(sheet, limit, f"column [{a1.column_letters(limit.right)}]")
        area = Area(top, left, top + max(height, 1), left + max(width, 1))
        if area.bottom > sheet.row_count or area.right > sheet.column_count:
            raise exceeds_grid(sheet, area)
        return sheet, area

    def _find(self, text: str) -> tuple[Sheet, a1.A1Range]:
        named = self.named_range(text.rpartition("!")[2])
        if named is not None:
            area = named.area
            return self.sheet(named.sheet_id), a1.A1Range(None, area.top, area.left, area.bottom, area.right)
        wanted = a1.parse(text)
        if wanted.title is None:
            return self.sheets[0], wanted
        sheet = self.titled(wanted.title)
        if sheet is None:
            raise a1.unparsable(text)
        return sheet, wanted

    def check_size(self) -> None:
        """Raises InvalidArgument where the grids hold more cells than a spreadsheet may have."""
        check_size(sum(sheet.row_count * sheet.column_count for sheet in self.sheets), 1)


def exceeds_grid(sheet: Sheet, area: Area) -> InvalidArgument:
    return InvalidArgument(
        f"Range ({a1.full_name(sheet.title, area)}) exceeds grid limits. "
        f"Max rows: {sheet.row_count}, max columns: {sheet.column_count}"
    )


def _overflow(sheet: Sheet, limit: Area, where: str) -> InvalidArgument:
    name = a1.full_name(sheet.title, limit)
    return InvalidArgument(f"Requested writing within range [{name}], but tried writing to {where}")
