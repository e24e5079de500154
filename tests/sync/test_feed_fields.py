"""The fields of JSON and XML records: found, named, read, typed; every digit kept."""

import json
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from db.feeds import FeedFormat
from db.wire import ColumnType as T
from sync.feeds.infer import FieldKinds
from sync.feeds.inspection import Inspector, field_name
from sync.feeds.leaves import BadPath, json_leaves, json_reader, xml_leaves, xml_reader
from sync.feeds.paths import plain_field, plain_json

ORDER = json.loads(
    '{"id": 1, "customer": {"name": "Ann", "tags": [], "more": {}}, "odd name": 1.50, "a\\"b": null,'
    ' "items": [{"n": 2}]}',
    parse_float=Decimal,
)
RATE = etree.fromstring(
    '<r:rate xmlns:r="urn:r" xmlns:x="urn:x" currency="EUR"><r:value unit="1">1.0840</r:value><r:of><a>1</a></r:of>'
    "<note>n</note><note>m</note><x:far/><!-- c --><empty/></r:rate>"
)


def test_the_members_of_an_object() -> None:
    assert list(json_leaves(ORDER)) == [
        ("id", 1),
        ("customer.name", "Ann"),
        ("customer.tags", []),
        ("customer.more", {}),
        ('"odd name"', Decimal("1.50")),
        ('"a\\"b"', None),
        ("items", [{"n": 2}]),
    ]
    for path, value in json_leaves(ORDER):
        assert plain_json(path) is not None or "\\" in path
        assert json_reader(path)(ORDER) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [("items[0].n", 2), ("length(items)", 1), ("customer.none.deeper", None), ("abs(customer)", None)],
)
def test_an_expression_reads(path: str, value: Any) -> None:
    assert json_reader(path)(ORDER) == value


@pytest.mark.parametrize("path", ["items[", "", "a..b", '"open'])
def test_what_is_no_jmespath_is_said(path: str) -> None:
    with pytest.raises(BadPath, match="is no JMESPath"):
        json_reader(path)


def test_the_elements_and_attributes_of_an_element() -> None:
    namespaces = {"r": "urn:r"}
    found = dict(xml_leaves(RATE, {"urn:r": "r"}))
    assert found == {"@currency": "EUR", "r:value/@unit": "1", "r:value": "1.0840", "r:of/a": "1", "empty": ""}
    for path, text in found.items():
        assert plain_field(path) is not None
        assert xml_reader(path, namespaces)(RATE) == text
    assert xml_reader("note[2]", namespaces)(RATE) == "m"
    assert xml_reader("count(note)", namespaces)(RATE) == "2"
    assert xml_reader("note = 'n'", namespaces)(RATE) == "true"
    assert xml_reader("missing", namespaces)(RATE) is None
    assert plain_field("note[2]") is None


@pytest.mark.parametrize("path", ["a[", "z:a", ""])
def test_what_is_no_xpath_is_said(path: str) -> None:
    with pytest.raises(BadPath, match="is no XPath"):
        xml_reader(path, {})


@pytest.mark.parametrize(
    ("path", "name"), [("a.b", "a.b"), ("@currency", "currency"), ("r:value/@unit", "value/unit"), ("r:of/a", "of/a")]
)
def test_a_column_is_called_after_its_field(path: str, name: str) -> None:
    assert field_name(path) == name


J, X = FeedFormat.JSON, FeedFormat.XML


@pytest.mark.parametrize(
    ("format_", "values", "type_"),
    [
        (J, [], T.TEXT),
        (J, [None, None], T.TEXT),
        (J, [1, None, 2], T.INTEGER),
        (J, [1, 2**31], T.BIGINT),
        (J, [2**63], T.NUMERIC),
        (J, [1, Decimal("1.5")], T.FLOAT),
        (J, [2**40, Decimal("1.5")], T.NUMERIC),
        (J, [Decimal("0.12345678901234567890")], T.NUMERIC),
        (J, [True, False], T.BOOLEAN),
        (J, [True, 1], T.TEXT),
        (J, ["7", "8"], T.TEXT),
        (J, ["true"], T.TEXT),
        (J, ["2026-01-31", "", None], T.DATE),
        (J, ["2026-02-30"], T.TEXT),
        (J, ["2026-01-31", "2026-01-31T10:00:00"], T.TIMESTAMP),
        (J, ["2026-01-31T10:00:00Z", "2026-01-31 10:00:00.5+01:00"], T.TIMESTAMPTZ),
        (J, ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00"], T.TEXT),
        (J, ["2026-01-31T10:00:00.123456789Z"], T.TEXT),
        (J, [[], None], T.JSON),
        (J, [{}, "a"], T.JSON),
        (J, [1, "a"], T.TEXT),
        (X, ["1", "2"], T.INTEGER),
        (X, ["007"], T.TEXT),
        (X, ["+1"], T.TEXT),
        (X, ["1.0840", "1"], T.FLOAT),
        (X, ["1.08401234567890123456"], T.NUMERIC),
        (X, ["12345678901234567890"], T.TEXT),
        (X, ["true", "false", ""], T.BOOLEAN),
        (X, ["2026-01-31"], T.DATE),
        (X, [""], T.TEXT),
    ],
)
def test_a_fields_type(format_: FeedFormat, values: list[Any], type_: T) -> None:
    kinds = FieldKinds(format_)
    for value in values:
        kinds.add(value)
    assert kinds.type() is type_


def test_fields_that_later_records_bring_are_found_with_all_samples() -> None:
    inspector = Inspector(J, {}, extra=("length(items)",), keyed={"b"})
    for record in ({"a": 1}, {"b": 2, "items": [1]}, {"a": "x", "b": None}):
        inspector.add(record)
    fields = {field.path: field for field in inspector.fields()}
    assert inspector.count == 3
    assert (fields["a"].type, fields["a"].samples) == (T.TEXT, None)
    assert (fields["b"].type, fields["b"].samples) == (T.INTEGER, [None, 2.0, None])
    assert (fields["length(items)"].plain, fields["length(items)"].samples) == (False, [None, 1.0, None])
