"""The demo's workbook: the same every time, under a fixed id, so that a restarted demo finds it."""

from datetime import date, datetime, timedelta
from functools import cache

from sandbox.accounts import DEMO_ACCOUNT, PERSON
from sandbox.drive import Permission, permission
from sandbox.workbook.cells import Cell, Scalar
from sandbox.workbook.dates import to_serial
from sandbox.workbook.number_format import NumberFormat
from sandbox.workbook.sheet import BLANK, PLAIN_COLUMN, Sheet
from sandbox.workbook.spreadsheet import Spreadsheet

SPREADSHEET_ID = "1RowcastDemoWorkbook0000000000000000000000ab"
TITLE = "Demo"
CUSTOMERS = "customers"
PRODUCTS = "products"
CUSTOMER_ROWS = 200

_HEADER = (
    "id", "name", "email", "city", "postcode", "orders", "balance", "active", "since", "note", "total",
)  # fmt: skip
_FIRST = (
    "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Frances", "Niklaus",
    "Margaret", "Tony", "Zoë", "José", "Søren", "Łucja", "Björk", "Nguyễn", "Oğuz", "Şirin",
)  # fmt: skip
_LAST = (
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Perlman", "Thompson", "Allen", "Wirth",
    "Hamilton", "Hoare", "O'Brien", "Núñez", "Ångström", "Müller", "Çelik",
)  # fmt: skip
_CITIES = (
    ("Berlin", "10115"), ("Dresden", "01067"), ("Boston", "02108"), ("Zürich", "8001"), ("Oslo", "0150"),
    ("Madrid", "28001"), ("Kraków", "30-001"), ("Lyon", "69001"), ("Aarhus", "8000"), ("Newark", "07102"),
)  # fmt: skip
_NOTES = ("", "", "prefers email", "", "VIP ⭐", "", "pays late", "ask for “Käthe”", "", "日本語で連絡")
_PRODUCTS = (
    "Anvil", "Bellows", "Chisel", "Drill", "Easel", "File", "Gimlet", "Hammer", "Inkwell", "Jack",
    "Kettle", "Lathe", "Mallet", "Nails", "Oilcan", "Plane", "Quill", "Rasp", "Saw", "Tongs",
)  # fmt: skip

_WHOLE = NumberFormat("NUMBER", "0")
_MONEY = NumberFormat("NUMBER", "#,##0.00")
_DATE = NumberFormat("DATE", "yyyy-mm-dd")
_TEXT = NumberFormat("TEXT", "@")
_BOLD = '{"textFormat":{"bold":true}}'


def demo_spreadsheet() -> Spreadsheet:
    """Customers, 200 rows of every kind of value with empty cells between; products, 20 rows. All share the rows."""
    return _made().copy()


def demo_permissions() -> tuple[Permission, ...]:
    """A person's, shared with the demo's service account, which owns it too."""
    return permission("user", "owner", PERSON), permission("user", "owner", DEMO_ACCOUNT)


@cache
def _made() -> Spreadsheet:
    return Spreadsheet(TITLE, [_customers(), _products()])


def _customers() -> Sheet:
    sheet = Sheet(0, CUSTOMERS, [BLANK] * 1000, [PLAIN_COLUMN] * 26, frozen_rows=1)
    _header(sheet, _HEADER)
    for number in range(1, CUSTOMER_ROWS + 1):
        sheet.put(number, dict(enumerate(_customer(number))))
    return sheet


def _customer(number: int) -> list[Cell]:
    first, last = _FIRST[number % len(_FIRST)], _LAST[number * 7 % len(_LAST)]
    city, postcode = _CITIES[number * 3 % len(_CITIES)]
    email = f"{first}.{last}{number}@example.com".lower().replace("'", "")
    since = date(2018, 1, 1) + timedelta(days=number * 37 % 2500)
    row = number + 1
    return [
        Cell(float(number), number_format=_WHOLE),
        Cell(f"{first} {last}"),
        _unless(number % 19 == 0, email),
        Cell(city),
        Cell(postcode, number_format=_TEXT),
        _unless(number % 23 == 0, float(number * 13 % 40), _WHOLE),
        Cell(round((number * 7919 % 100_000) / 100 - 120, 2), number_format=_MONEY),
        Cell(number % 3 != 0),
        _unless(number % 29 == 0, to_serial(_midnight(since)), _DATE),
        _unless(not _NOTES[number % len(_NOTES)], _NOTES[number % len(_NOTES)]),
        Cell(formula=f"=F{row}*G{row}", number_format=_MONEY),
    ]


def _products() -> Sheet:
    sheet = Sheet(1, PRODUCTS, [BLANK] * 200, [PLAIN_COLUMN] * 10, frozen_rows=1)
    _header(sheet, ("sku", "title", "price", "stock", "discontinued"))
    for index, title in enumerate(_PRODUCTS):
        sheet.put(
            index + 1,
            {
                0: Cell(f"{index + 1:04d}-{title[:2].upper()}"),
                1: Cell(title),
                2: Cell(round(3.5 + index * 2.25, 2), number_format=_MONEY),
                3: _unless(index % 6 == 5, float(index * 17 % 90), _WHOLE),
                4: Cell(index % 8 == 7),
            },
        )
    return sheet


def _header(sheet: Sheet, names: tuple[str, ...]) -> None:
    sheet.put(0, {column: Cell(name, appearance=_BOLD) for column, name in enumerate(names)})


def _unless(empty: bool, value: Scalar, number_format: NumberFormat | None = None) -> Cell:
    return Cell(None if empty else value, number_format=number_format)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - serial days have no zone
