"""What a registration binds, and every reason to refuse it: tables of cases, no I/O."""

from dataclasses import replace

import pytest

from db.errors import BadUserInput
from db.sources import Column, Direction, Initial
from db.tables import Relation, Table, TableColumn
from db.wire import ColumnType
from sync.registration.input import RegisterSource, WantedColumn, WantedSheet, check_registration
from sync.registration.inspection import InspectedColumn, SheetInspection
from sync.registration.plan import plan_registration
from sync.source import Cell
from sync.values.infer import Sample

WANTED = RegisterSource(name="customers", sheet=WantedSheet("abc"), key=("id",))


def column(header: str, letter: str, *cells: Cell, formula: bool = False) -> InspectedColumn:
    return InspectedColumn(header, letter, [Sample(cell, None, formula) for cell in cells])


def sheet(*columns: InspectedColumn, problems: tuple[str, ...] = ()) -> SheetInspection:
    count = len(columns[0].samples) if columns else 0
    return SheetInspection("abc", "Book", "Sheet1", 0, "UTC", 1, columns, range(2, 2 + count), problems)


CUSTOMERS = sheet(
    column("ID", "A", 1.0, 2.0),
    column("Full name", "B", "Ann", "Bo"),
    column("Total", "C", 2.5, 3.5, formula=True),
)


def test_columns_are_named_typed_and_bound_to_their_headers() -> None:
    planned = plan_registration(WANTED, CUSTOMERS, None)
    assert planned.columns == (
        Column("id", ColumnType.INTEGER, "ID"),
        Column("full_name", ColumnType.TEXT, "Full name"),
        Column("total", ColumnType.FLOAT, "Total", read_only=True),
    )
    assert (planned.key, planned.managed_key) == (("id",), False)


def test_what_is_wanted_overrides_what_is_inferred() -> None:
    wanted = replace(
        WANTED,
        columns=(
            WantedColumn("number", field="ID", type=ColumnType.BIGINT),
            WantedColumn("full_name", read_only=True, format="upper"),
        ),
        key=("number",),
    )
    planned = plan_registration(wanted, CUSTOMERS, None)
    assert planned.columns[:2] == (
        Column("number", ColumnType.BIGINT, "ID"),
        Column("full_name", ColumnType.TEXT, "Full name", read_only=True, format="upper"),
    )


def test_without_a_key_the_sheet_gets_one() -> None:
    planned = plan_registration(replace(WANTED, key=None), CUSTOMERS, None)
    assert planned.columns[-1] == Column("rowcast_id", ColumnType.UUID, "rowcast_id")
    assert (planned.key, planned.managed_key) == (("rowcast_id",), True)


def test_a_managed_key_that_is_there_is_used_again() -> None:
    again = sheet(column("rowcast_id", "A", "x"), column("Name", "B", "Ann"))
    planned = plan_registration(replace(WANTED, key=None), again, None)
    assert [(c.name, c.type) for c in planned.columns] == [("name", ColumnType.TEXT), ("rowcast_id", ColumnType.UUID)]


REFUSED = [
    (WANTED, sheet(), "no headers in row 1"),
    (WANTED, sheet(column("ID", "A"), problems=("Sheet1!C1 stands twice.",)), "Sheet1!C1 stands twice."),
    (WANTED, sheet(column("ID", "A", 1.0, None)), "Sheet1!A3: the key is empty"),
    (WANTED, sheet(column("ID", "A", 1.0, 2.0, 1.0)), 'The key ["1"] stands in rows 2, 4'),
    (
        replace(WANTED, columns=(WantedColumn("id", type=ColumnType.INTEGER),)),
        sheet(column("ID", "A", 1.0, "two")),
        "Sheet1!A3: Column id (INTEGER) expects",
    ),
    (replace(WANTED, key=("nope",)), CUSTOMERS, "The key column nope is not in the sheet"),
    (replace(WANTED, key=("total",)), CUSTOMERS, "holds formulas"),
    (
        replace(WANTED, columns=(WantedColumn("id", type=ColumnType.JSON),)),
        CUSTOMERS,
        "does not tell rows apart",
    ),
    (replace(WANTED, key=None, direction=Direction.FROM_SOURCE), CUSTOMERS, "name a key"),
    (replace(WANTED, columns=(WantedColumn("x", field="Nope"),)), CUSTOMERS, 'No header "Nope"'),
    (replace(WANTED, columns=(WantedColumn("nope"),)), CUSTOMERS, 'No header "nope"'),
    (
        replace(WANTED, columns=(WantedColumn("a", field="ID"), WantedColumn("b", field="ID"))),
        CUSTOMERS,
        'The header "ID" is bound twice',
    ),
    (replace(WANTED, columns=(WantedColumn("total", field="ID"),)), CUSTOMERS, "Two columns would be named total"),
]


@pytest.mark.parametrize(("wanted", "shown", "message"), REFUSED)
def test_what_is_in_the_way_is_said(wanted: RegisterSource, shown: SheetInspection, message: str) -> None:
    with pytest.raises(BadUserInput) as refused:
        plan_registration(wanted, shown, None)
    assert message in str(refused.value)


def test_a_sheet_that_may_only_be_read_is_bound_in_one_direction() -> None:
    shown = replace(CUSTOMERS, reader="robot@example.com")
    with pytest.raises(BadUserInput, match=r"robot@example\.com for reading only"):
        plan_registration(WANTED, shown, None)
    assert plan_registration(replace(WANTED, direction=Direction.FROM_SOURCE), shown, None).key == ("id",)


def test_many_problems_are_counted() -> None:
    with pytest.raises(BadUserInput, match="… and 3 more"):
        plan_registration(WANTED, sheet(column("ID", "A", *[None] * 13)), None)


TABLE = Table(
    relation=Relation("public", "customers"),
    kind="r",
    owned=True,
    columns=(
        TableColumn("id", ColumnType.BIGINT, not_null=True, generated=False, has_default=False),
        TableColumn("full_name", ColumnType.TEXT, not_null=False, generated=False, has_default=False),
        TableColumn("total", ColumnType.NUMERIC, not_null=False, generated=False, has_default=False),
        TableColumn("made_at", ColumnType.TIMESTAMPTZ, not_null=True, generated=False, has_default=True),
        TableColumn("initial", ColumnType.TEXT, not_null=False, generated=True, has_default=True),
    ),
    keys=(("id",),),
    deferrable_keys=(),
    not_full=(),
    publications=(),
)


def test_an_adopted_table_keeps_its_types_and_its_other_columns() -> None:
    planned = plan_registration(replace(WANTED, key=None, adopt=True), CUSTOMERS, TABLE)
    assert planned.columns == (
        Column("id", ColumnType.BIGINT, "ID"),
        Column("full_name", ColumnType.TEXT, "Full name"),
        Column("total", ColumnType.NUMERIC, "Total", read_only=True),
        Column("made_at", ColumnType.TIMESTAMPTZ, None),
        Column("initial", ColumnType.TEXT, None, read_only=True),
    )
    assert (planned.key, planned.managed_key) == (("id",), False)


ADOPTED = replace(WANTED, adopt=True)
NOT_ADOPTED = [
    (ADOPTED, sheet(column("ID", "A", 1.0), column("City", "B", "Rome")), TABLE, 'ADD "city" text;'),
    (ADOPTED, sheet(column("ID", "A", 1.0), column("Initial", "B", "A")), TABLE, "initial is generated"),
    (
        replace(ADOPTED, columns=(WantedColumn("id", type=ColumnType.TEXT),)),
        CUSTOMERS,
        TABLE,
        "id is BIGINT in public.customers, not TEXT",
    ),
    (
        ADOPTED,
        CUSTOMERS,
        replace(TABLE, columns=(*TABLE.columns, TableColumn("must", ColumnType.TEXT, True, False, False))),
        "must is NOT NULL and the sheet has no such column",
    ),
    (replace(ADOPTED, key=None), sheet(column("Full name", "A", "Ann")), TABLE, "adopted without a key"),
    (ADOPTED, CUSTOMERS, replace(TABLE, keys=()), "Nothing makes"),
]


@pytest.mark.parametrize(("wanted", "shown", "table", "message"), NOT_ADOPTED)
def test_why_a_table_is_not_adopted_is_said(
    wanted: RegisterSource, shown: SheetInspection, table: Table, message: str
) -> None:
    with pytest.raises(BadUserInput) as refused:
        plan_registration(wanted, shown, table)
    assert message in str(refused.value)


BAD = [
    replace(WANTED, initial=Initial.DATABASE),
    replace(WANTED, initial=Initial.DATABASE, adopt=True, direction=Direction.FROM_SOURCE),
    replace(WANTED, initial=Initial.SOURCE, direction=Direction.TO_SOURCE),
    replace(WANTED, name="Customers"),
    replace(WANTED, name="x" * 49),
    replace(WANTED, key=()),
    replace(WANTED, key=("id", "id")),
    replace(WANTED, poll_seconds=0),
    replace(WANTED, max_delete_share=1.5),
    replace(WANTED, sheet=WantedSheet("abc", header_row=0)),
]


@pytest.mark.parametrize("wanted", BAD)
def test_settings_that_mean_nothing_are_refused(wanted: RegisterSource) -> None:
    with pytest.raises(BadUserInput):
        check_registration(wanted)
