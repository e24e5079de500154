"""What a document is when nobody said: its format, where its records are, what its namespaces are called."""

import io

import pytest

from db.feeds import FeedFormat
from sync.feeds.find import find_format, find_records
from sync.feeds.records import Body, FeedUnreadable

J, X = FeedFormat.JSON, FeedFormat.XML


def body(text: str | bytes) -> Body:
    return Body(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


@pytest.mark.parametrize(
    ("content_type", "text", "format_"),
    [
        ("application/json", "<a/>", J),
        ("application/vnd.api+json; charset=utf-8", "", J),
        ("text/xml", "{}", X),
        ("application/atom+xml", "", X),
        ("text/plain", "\n  [1]", J),
        ("", "\ufeff <a/>", X),
        ("application/octet-stream", "\ufeff<a/>".encode("utf-16-le"), X),
        ("", "", J),
    ],
)
def test_the_format_is_the_content_types_else_the_first_bytes(
    content_type: str, text: str | bytes, format_: FeedFormat
) -> None:
    assert find_format(content_type, body(text)) is format_


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[{"a": 1}]', "@"),
        ("[]", "@"),
        ('{"orders": [{"a": [{"b": 1}, {"b": 2}]}], "meta": {}}', "orders"),
        ('{"few": [{}], "many": [{}, {}]}', "many"),
        ('{"tags": ["a", "b"], "data": {"the list": [{}]}}', 'data."the list"'),
        ('{"data": {"list": []}}', "data.list"),
        ('{"grid": [[{}]], "list": [{}]}', "list"),
        ("{}", None),
        ("7", None),
    ],
)
def test_the_outermost_list_of_objects(text: str, path: str | None) -> None:
    assert find_records(J, body(text), {}).records == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("<rates><rate/><rate/></rates>", "/rates/rate"),
        ("<rates><rate><value/></rate></rates>", "/rates/rate"),
        ("<e><head/><body><r><v/><v/></r><r/></body></e>", "/e/body/r"),
        ("<e><few/><few/><many/><many/><many/></e>", "/e/many"),
        ("<e><a/><b/></e>", None),
        ("<e/>", None),
    ],
)
def test_the_outermost_repeated_elements(text: str, path: str | None) -> None:
    assert find_records(X, body(text), {}).records == path


def test_namespaces_get_prefixes() -> None:
    text = '<rates xmlns="urn:r" xmlns:x="urn:x"><rate x:id="1"/><rate><of xmlns="urn:o"/></rate></rates>'
    found = find_records(X, body(text), {})
    assert (found.records, found.namespaces) == ("/ns:rates/ns:rate", {"ns": "urn:r", "x": "urn:x", "ns2": "urn:o"})
    assert find_records(X, body(text), {"r": "urn:r"}).records == "/r:rates/r:rate"


@pytest.mark.parametrize(("format_", "text"), [(J, "{"), (J, b"\xff[1]"), (J, ""), (X, "<a>"), (X, "")])
def test_what_cannot_be_read_is_said(format_: FeedFormat, text: str | bytes) -> None:
    with pytest.raises(FeedUnreadable, match=f"The feed is not {format_}"):
        find_records(format_, body(text), {})
